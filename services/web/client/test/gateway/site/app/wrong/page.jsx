import { signIn } from '@quintet/next/server'

export default async function Page({ searchParams }) {
  await signIn(await searchParams)
  return <main>never seen</main>
}
