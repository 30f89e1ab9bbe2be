/** next/headers for one request at a time, as the tests set it up. `rendering`: cookies cannot be set, as in a server component. */
import type { SetCookie } from '../../src/core/cookies.js'

export const incoming = { headers: new Headers(), cookies: new Map<string, string>(), set: [] as SetCookie[], rendering: false }

export function arrive({ headers = {}, cookies = {}, rendering = false }: { headers?: Record<string, string>; cookies?: Record<string, string>; rendering?: boolean } = {}) {
  Object.assign(incoming, { headers: new Headers(headers), cookies: new Map(Object.entries(cookies)), set: [], rendering })
}

export async function headers() {
  return incoming.headers
}

export async function cookies() {
  return {
    getAll: () => [...incoming.cookies].map(([name, value]) => ({ name, value })),
    set(name: string, value: string, options: SetCookie['options']) {
      if (incoming.rendering) throw new Error('Cookies can only be modified in a Server Action or Route Handler.')
      incoming.set.push({ name, value, options })
      incoming.cookies.set(name, value)
    },
  }
}
