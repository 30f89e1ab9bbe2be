/** The Next.js site in site/, built and started; and a visitor of it who has JavaScript switched off. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('site', import.meta.url))
const NEXT = createRequire(import.meta.url).resolve('next/dist/bin/next')

function next(folder: string, words: string[], env: Record<string, string>): ChildProcess & { said: string } {
  const child = Object.assign(
    spawn(process.execPath, [NEXT, ...words], {
      cwd: folder,
      env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a group of its own: `next dev` has children, and they must go with it
    }),
    { said: '' },
  )
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (child.said += chunk.toString()))
  return child
}

export async function buildSite(env: Record<string, string>, folder = FOLDER): Promise<void> {
  const child = next(folder, ['build'], env)
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`next build ended with ${code}\n${child.said}`)
}

export async function startSite(
  port: number,
  env: Record<string, string>,
  folder = FOLDER,
  word: 'start' | 'dev' = 'start',
): Promise<{ stop: () => Promise<void>; said: () => string }> {
  const child = next(folder, [word, '--hostname', '127.0.0.1', '--port', String(port)], env)
  const ended = new Promise((resolve) => child.once('close', resolve)) // its children too
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => child.said.includes('Ready in') && resolve())
    void ended.then((code) => reject(new Error(`next start ended with ${String(code)}\n${child.said}`)))
  })
  return {
    said: () => child.said,
    stop: async () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL') // it would wait for connections that are kept
      await ended
    },
  }
}

export interface Visit {
  status: number
  /** The target of a redirect, as a path. */
  to: string | null
  text: string
  headers: Headers
}

let visitors = 0

/** Keeps cookies as a browser does; follows no redirect, for where they lead is what is looked at. */
export class Visitor {
  readonly cookies = new Map<string, string>()
  /** The Set-Cookie lines of the last answer. */
  set: string[] = []

  /** Each is somebody of their own for the rate limits, as a proxy before the site would say it. */
  readonly address = `198.18.${++visitors >> 8}.${visitors & 255}`

  constructor(readonly site: string) {}

  async go(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Visit> {
    const headers = new Headers({ 'x-forwarded-for': this.address, ...init.headers })
    if (this.cookies.size > 0) headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '))
    const answer = await fetch(this.site + path, { redirect: 'manual', ...init, headers })
    this.set = answer.headers.getSetCookie()
    for (const line of this.set) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (/max-age=0\b|expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const to = answer.headers.get('location')
    return {
      status: answer.status,
      to: to === null ? null : new URL(to, this.site).href.replace(this.site, ''),
      text: await answer.text(),
      headers: answer.headers,
    }
  }

  /** Fills in the form of that id on a page and posts it, as a browser without JavaScript does. */
  async submit(path: string, id: string, fields: Record<string, string>, extra: Record<string, string> = {}): Promise<Visit> {
    const page = await this.go(path)
    const form = new RegExp(`<form[^>]*id="${id}"[^>]*>(.*?)</form>`, 's').exec(page.text)?.[1]
    if (form === undefined) throw new Error(`no form ${id} on ${path}: ${page.status} ${page.text.slice(0, 500)}`)
    const body = new FormData()
    for (const [input] of form.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      const attribute = (name: string) => unescapeHtml(new RegExp(`${name}="([^"]*)"`).exec(input)?.[1] ?? '')
      body.append(attribute('name'), attribute('value'))
    }
    for (const [name, value] of Object.entries(fields)) body.append(name, value)
    return this.go(path, { method: 'POST', body, headers: { origin: this.site, ...extra } })
  }
}

function unescapeHtml(text: string): string {
  return text.replace(/&quot;/g, '"').replace(/&#x27;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')
}
