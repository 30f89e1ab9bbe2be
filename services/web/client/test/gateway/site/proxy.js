import { quintetProxy } from '@quintet/next/proxy'

export const proxy = quintetProxy({ complete: ['/browse'], guests: ['/signin'] })
export const config = { matcher: ['/((?!_next/|.*\\.(?:ico|png|jpg|svg|webp|txt|xml)$).*)'] }
