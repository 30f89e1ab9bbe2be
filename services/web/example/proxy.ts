import { quintetProxy } from '@quintet/next/proxy'
import { awayPage } from '@/lib/away'

export const proxy = quintetProxy({
  complete: ['/browse', '/profile', '/settings'],
  session: ['/create'],
  guests: ['/signin', '/signup'],
  homePath: '/browse',
  unavailable: awayPage,
})
export const config = { matcher: ['/((?!_next/|.*\\.(?:ico|png|jpg|svg|webp|txt|xml)$).*)'] }
