// One frontend of many: so many calls in flight at once, again and again, from when stdin says so. Prints what came of them, as JSON.
//
//   node frontend.mjs GATEWAY COOKIE IN_FLIGHT CALLS
import { once } from 'node:events'
import { openConnections, quintetFor } from '@quintet/next/node'

const [url, cookie, inFlight, calls] = process.argv.slice(2)
const { auth } = quintetFor({ cookie, settings: { url } })
const came = { good: 0, failed: {}, connections: 0 }
let left = Number(calls)

async function lane() {
  while (left-- > 0) {
    try {
      if ((await auth.getSessionWithProfileCheck({}, { timeoutMs: 60_000 })).authenticated) came.good++
    } catch (error) {
      came.failed[error.message] = (came.failed[error.message] ?? 0) + 1
    }
    came.connections = Math.max(came.connections, openConnections())
  }
}

console.log('ready')
await once(process.stdin, 'data')
await Promise.all(Array.from({ length: Number(inFlight) }, lane))
console.log(JSON.stringify(came))
process.exit()
