import { getSession, getSessionWithProfileCheck } from '@quintet/next/server'

async function Name() {
  return <i>{(await getSession())?.user.name ?? 'nobody'}</i>
}

// Asks three times; the test counts what reaches the gateway.
export default async function Page() {
  const check = await getSessionWithProfileCheck()
  return (
    <main>
      <Name />
      <Name />
      <pre>{JSON.stringify({ nextPath: check.nextPath, session: check.session })}</pre>
    </main>
  )
}
