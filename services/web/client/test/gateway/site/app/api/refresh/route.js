import { refreshSession } from '@quintet/next/server'
import { openConnections } from '@quintet/next/node'

export async function POST() {
  const found = await refreshSession()
  return Response.json({ user: found?.user.name ?? null, connections: openConnections() })
}
