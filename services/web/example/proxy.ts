import { NextResponse } from 'next/server'
import { quintetProxy } from '@quintet/next/proxy'

export const proxy = quintetProxy({
  complete: ['/browse', '/profile', '/settings'],
  session: ['/create'],
  guests: ['/signin', '/signup'],
  homePath: '/browse',
  unavailable: (request) => {
    const page = request.nextUrl.clone()
    page.pathname = '/unavailable'
    page.search = ''
    return NextResponse.rewrite(page, { status: 503, headers: { 'retry-after': '2', 'cache-control': 'no-store' } })
  },
})
export const config = { matcher: ['/((?!_next/|.*\\.(?:ico|png|jpg|svg|webp|txt|xml)$).*)'] }
