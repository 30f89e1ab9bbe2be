import { requireCompleteProfile } from '@quintet/next/server'

export default async function Page() {
  const { user } = await requireCompleteProfile()
  return <main>browse as {user.name}</main>
}
