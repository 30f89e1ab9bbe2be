/**
 * Every page, as a phone and as a desktop shows it: looked over by axe, and drawn into the folder SCREENSHOTS when that is set.
 */
import { createRequire } from 'node:module'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { Relay } from '../../client/test/gateway/relay'
import { startSite } from '../../client/test/gateway/site'
import { browser, choosePhoto, closeBrowser, visit } from './browser'
import { signedUp, type Settled } from './people'
import { portrait } from './portrait'
import { FOLDER } from './setup'

const port = inject('sitePort')
const site = `http://127.0.0.1:${port}`
const { HTTP = '', MEDIA = '' } = inject('endpoints')
const relay = new Relay(new URL(HTTP))
const settled = inject('people')
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const TO = process.env.SCREENSHOTS
const MOST_PIXELS = 1_800_000
const HEAVIEST_BYTES = 150_000
const MOST_SCRIPT_BYTES = 220_000
/** Half of what Web Vitals calls good. */
const MOST_SHIFT = 0.05
let server: Awaited<ReturnType<typeof startSite>>
let newcomer: Settled
let writer: Settled

beforeAll(async () => {
  if (TO) mkdirSync(TO, { recursive: true })
  await browser()
  await relay.open()
  server = await startSite(port, { QUINTET_URL: relay.url, QUINTET_IMAGES: MEDIA }, FOLDER)
  newcomer = await signedUp(HTTP, 'Ada')
  const { ask, ...someone } = await signedUp(HTTP, 'Grace')
  await ask.profile.createProfile({ displayName: 'Grace', birthDate: '1990-12-09', gender: 1, city: 'Paris', bio: 'Compilers.' })
  writer = someone
})
afterAll(async () => {
  await closeBrowser()
  await server.stop()
  await relay.close()
})

interface Shot {
  name: string
  path: string
  as?: Settled
  /** Before it is looked at. */
  first?: (page: Page) => Promise<unknown>
  dark?: boolean
  locale?: string
}

const chooseFile = async (page: Page) => {
  await choosePhoto(page, { name: 'me.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(await portrait(12)) })
  await page.getByRole('button', { name: 'Use this photo' }).waitFor()
}
const wrongPassword = async (page: Page) => {
  await page.getByLabel('Email').fill('nobody@example.com')
  await page.getByLabel('Password').fill('wrong horse 2')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Email or password is wrong.').waitFor()
}
const leaveOut = async (page: Page) => {
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('You must be at least 18 years old.').waitFor()
}

// Asked for when the newcomers are there.
const shots = (): Shot[] => [
  { name: 'home', path: '/' },
  { name: 'home-dark', path: '/', dark: true },
  { name: 'home-fr', path: '/', locale: 'fr-FR' },
  { name: 'signup', path: '/signup' },
  { name: 'signin', path: '/signin' },
  { name: 'signin-wrong-dark', path: '/signin', dark: true, first: wrongPassword },
  { name: 'create-about', path: '/create', as: newcomer, first: leaveOut },
  { name: 'create-bio', path: '/create?step=bio', as: writer },
  { name: 'create-photos', path: '/create', as: writer },
  { name: 'create-crop', path: '/create', as: writer, first: chooseFile },
  { name: 'browse', path: '/browse', as: settled[7] },
  { name: 'browse-dark', path: '/browse', as: settled[7], dark: true },
  { name: 'browse-empty', path: '/browse?city=Atlantis', as: settled[7] },
  { name: 'profile', path: `/profile/${settled[8]!.id}`, as: settled[7] },
  { name: 'profile-dark', path: `/profile/${settled[8]!.id}`, as: settled[7], dark: true },
  { name: 'settings', path: '/settings', as: settled[12] },
  { name: 'settings-fr-dark', path: '/settings', as: settled[12], dark: true, locale: 'fr-FR' },
  { name: 'not-found', path: '/nothing-here' },
]

describe.each([390, 1280])('at %i px', (width) => {
  test('pages', { timeout: 400_000 }, async () => {
    const wrong: string[] = []
    for (const shot of shots()) wrong.push(...(await look(shot, width)))
    expect(wrong).toEqual([])
  })

  test('away, and gone wrong', async () => {
    await relay.close()
    try {
      const away = await look({ name: 'away', path: '/browse', as: settled[7] }, width)
      const error = await look({ name: 'error', path: '/', as: settled[7] }, width)
      expect([...away, ...error]).toEqual([])
    } finally {
      await relay.open()
    }
  })
})

// What can be weighed without a clock: script as it is sent, and how far what one reads is moved while the page comes.
test.each([
  ['/', undefined],
  ['/browse', settled[7]],
  ['/settings', settled[12]],
])('%s is light and lies still', async (path, as) => {
  const { page } = await visit(site, { as, viewport: { width: 390, height: 844 } })
  await page.goto(path, { waitUntil: 'load' })
  await page.locator('main h1').waitFor()
  const { script, moved } = await page.evaluate(async () => {
    const entries = performance.getEntriesByType('resource') as PerformanceResourceTiming[]
    const shifts = await new Promise<number>((resolve) => {
      let sum = 0
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value
      }).observe({ type: 'layout-shift', buffered: true })
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)))
    })
    return { script: entries.filter(({ name }) => /\.js(\?|$)/.test(name)).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0), moved: shifts }
  })
  console.log(`${path}: ${script} bytes of script, moved by ${moved}`)
  expect(script).toBeGreaterThan(0)
  expect(script).toBeLessThanOrEqual(MOST_SCRIPT_BYTES)
  expect(moved).toBeLessThanOrEqual(MOST_SHIFT)
})

/** What is wrong with it. */
async function look({ name, path, as, first, dark, locale = 'en-GB' }: Shot, width: number): Promise<string[]> {
  const { page, context } = await visit(site, {
    as,
    locale,
    viewport: { width, height: width < 600 ? 844 : 900 },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  })
  await page.goto(path)
  await page.getByRole('heading').first().waitFor()
  await first?.(page)
  if (TO) await draw(page, join(TO, `${name}-${width}.png`))

  const wrong: string[] = []
  // Wider than its window: a phone scrolls it sideways.
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  if (beyond > 0) wrong.push(`${name}: ${beyond} px too wide`)
  await page.addScriptTag({ path: AXE })
  const found = await page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' ; ')}`)
  })
  wrong.push(...found.map((one) => `${name}: ${one}`))
  await context.close()
  return wrong
}

/** The whole page, as far as it is not long, with as few colours as keep it light. */
async function draw(page: Page, file: string): Promise<void> {
  for (const image of await page.locator('main img').all()) {
    await image.scrollIntoViewIfNeeded()
    await image.evaluate((one: HTMLImageElement) => one.complete || new Promise((resolve) => (one.onload = one.onerror = resolve)))
  }
  await page.evaluate(() => scrollTo(0, 0))
  const shot = sharp(await page.screenshot({ fullPage: true }))
  const { width, height } = await shot.metadata()
  const upper = await shot.extract({ left: 0, top: 0, width, height: Math.min(height, Math.floor(MOST_PIXELS / width)) }).toBuffer()
  for (const colours of [256, 128, 64, 32]) {
    const small = await sharp(upper).png({ palette: true, colours, dither: 0.3, effort: 10 }).toBuffer()
    writeFileSync(file, small)
    if (small.length <= HEAVIEST_BYTES) return
  }
}
