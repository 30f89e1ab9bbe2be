import type { NextRequest } from 'next/server'
import { isLocale, LOCALE_COOKIE, preferred, wordsOf } from './words'

const AGAIN_S = 3

/**
 * What stands in place of a guarded page while Quintet cannot be asked: 503, which a page of Next's own cannot say, whole in itself, and
 * asked for again by itself, or by the link, until it is the page that was wanted.
 */
export function awayPage({ cookies, headers }: NextRequest): Response {
  const chosen = cookies.get(LOCALE_COOKIE)?.value
  const locale = isLocale(chosen) ? chosen : preferred(headers.get('accept-language'))
  const { site, states } = wordsOf(locale)
  const page = `<!doctype html>
<html lang="${locale}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${states.awayTitle} · ${site.name}</title>
<style>
  :root { color-scheme: light dark; --page: #fbf8f5; --ink: #241a1f; --soft: #6a5a62; --accent: #b3264f; --accent-ink: #fff }
  @media (prefers-color-scheme: dark) { :root { --page: #171216; --ink: #f5eef1; --soft: #b9a8b0; --accent: #f07a9b; --accent-ink: #2a0a15 } }
  body { margin: 0; min-height: 100dvh; display: grid; place-content: center; justify-items: center; gap: 1.25rem; padding: 1rem; box-sizing: border-box;
    text-align: center; background: var(--page); color: var(--ink); font: 1.125rem/1.6 Inter, ui-sans-serif, system-ui, sans-serif }
  h1 { margin: 0; text-wrap: balance; font: 600 2.25rem/1.2 'Palatino Linotype', Palatino, P052, Georgia, serif }
  p { margin: 0; max-width: 32rem; color: var(--soft) }
  a { background: var(--accent); color: var(--accent-ink); border-radius: 99px; padding: .5rem 1.25rem; font-weight: 600; text-decoration: none }
  svg { width: 4rem; color: var(--accent) }
</style>
<main style="display: contents">
  <svg viewBox="0 0 64 64" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" aria-hidden="true"><path d="M32 55C14 42 7 33 7 22.5A12.5 12.5 0 0 1 32 18a12.5 12.5 0 0 1 25 4.5C57 33 50 42 32 55Z"/><path d="m33 19-6 9 9 6-6 9"/></svg>
  <h1>${states.awayTitle}</h1>
  <p>${states.awayLead}</p>
  <a href="">${states.retry}</a>
</main>
<script>setTimeout(() => location.reload(), ${AGAIN_S * 1000})</script>
</html>
`
  return new Response(page, {
    status: 503,
    headers: { 'content-type': 'text/html; charset=utf-8', 'retry-after': String(AGAIN_S), 'cache-control': 'no-store' },
  })
}
