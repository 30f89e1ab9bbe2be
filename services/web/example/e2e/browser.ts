/** Debian's Chromium, and pages of it that note what goes wrong in them. */
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'
import type { Settled } from './people'

let running: Browser | undefined

export async function browser(): Promise<Browser> {
  running ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
  return running
}

export async function closeBrowser(): Promise<void> {
  await running?.close()
  running = undefined
}

export interface Visit {
  context: BrowserContext
  page: Page
  /** Console errors, exceptions, requests that failed, answers of 400 and more. */
  troubles: string[]
}

/** Somebody at a browser of their own; signed in as the person given. */
export async function visit(site: string, { as, ...options }: BrowserContextOptions & { as?: Settled | undefined } = {}): Promise<Visit> {
  const context = await (await browser()).newContext({ baseURL: site, locale: 'en-GB', viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(20_000)
  if (as) {
    const [name = '', value = ''] = as.cookie.split(/=(.*)/s)
    await context.addCookies([{ name, value, url: site }])
  }
  const page = await context.newPage()
  const troubles: string[] = []
  page.on('console', (message) => message.type() === 'error' && troubles.push(`console: ${message.text()} ${message.location().url}`))
  page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`))
  page.on('response', (answer) => answer.status() >= 400 && troubles.push(`${answer.status()} ${answer.url()}`))
  page.on('requestfailed', (request) => {
    // What one has gone away from while it was loading.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') troubles.push(`${request.failure()?.errorText} ${request.url()}`)
  })
  return { context, page, troubles }
}

/** All pictures in sight have come, with pixels; how wide they are. */
export async function pictures(page: Page): Promise<number[]> {
  const images = page.locator('main img')
  await images.first().waitFor()
  return images.evaluateAll(async (list) => {
    const shown = (list as HTMLImageElement[]).filter((image) => image.getBoundingClientRect().top < innerHeight)
    await Promise.all(shown.map((image) => image.complete || new Promise((resolve) => (image.onload = image.onerror = resolve))))
    return shown.map(({ naturalWidth }) => naturalWidth)
  })
}

type Files = Parameters<ReturnType<Page['getByLabel']>['setInputFiles']>[0]

/** A photo for the upload, once the page has come alive: before that its field is another one. */
export async function choosePhoto(page: Page, file: Files): Promise<void> {
  await page.getByText('JPEG, PNG, WebP, AVIF or HEIC, up to 10 MB.').waitFor()
  await page.getByLabel('Choose a photo').setInputFiles(file)
}
