import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { Relay } from '../../client/test/gateway/relay'
import { startSite } from '../../client/test/gateway/site'
import { browser, choosePhoto, closeBrowser, pictures, visit } from './browser'
import { PASSWORD, signedUp } from './people'
import { portrait } from './portrait'
import { FOLDER } from './setup'

const port = inject('sitePort')
const site = `http://127.0.0.1:${port}`
const { HTTP = '', MEDIA = '', ADMIN_DATABASE_URL = '' } = inject('endpoints')
const people = inject('people')
const relay = new Relay(new URL(HTTP))
let server: Awaited<ReturnType<typeof startSite>>

beforeAll(async () => {
  await browser()
  await relay.open()
  server = await startSite(port, { QUINTET_URL: relay.url, QUINTET_IMAGES: MEDIA }, FOLDER)
})
afterAll(async () => {
  await closeBrowser()
  await server.stop()
  await relay.close()
})

const sql = (statement: string) => execFileSync('psql', ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', ADMIN_DATABASE_URL, '--command', statement])
const file = async (seed: number) => ({ name: 'me.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(await portrait(seed)) })

test('from sign-up to sign-out', async () => {
  const { page, troubles } = await visit(site)
  await page.goto('/')
  await page.getByRole('main').getByRole('link', { name: 'Create your profile' }).click()
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Email').fill(`ada-${process.pid}@example.com`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.waitForURL('**/create?step=about')

  // What is not filled in is said beside the field, and what is filled in stays.
  await page.getByLabel('City').fill('London')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('You must be at least 18 years old.').waitFor()
  expect(await page.getByLabel('City').inputValue()).toBe('London')
  await page.getByLabel('Date of birth').fill('1990-12-10')
  await page.getByLabel('Gender').selectOption('Woman')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL('**/create?step=bio')
  await page.getByLabel('About you').fill('Engines, and poetry.')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.waitForURL('**/create?step=photos')

  await page.goto('/browse') // not yet
  await page.waitForURL('**/create?step=photos')
  await choosePhoto(page, await file(77))
  await page.getByLabel('Zoom').fill('1.5')
  await page.getByRole('button', { name: 'Use this photo' }).click()
  await page.getByText('The photo has been added.').waitFor()
  await page.getByRole('img', { name: 'Your photo 1' }).waitFor()
  await page.getByRole('main').getByRole('link', { name: 'See who is here' }).click()

  await page.waitForURL('**/browse')
  await page.getByRole('heading', { name: 'Who is here' }).waitFor()
  await page.getByText('Anton, 3').waitFor()
  expect(await page.getByText('Ada, 3').count()).toBe(0) // others
  const widths = await pictures(page)
  expect(widths.length).toBeGreaterThanOrEqual(4)
  expect(Math.min(...widths)).toBeGreaterThan(100)

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL('**/signin')
  await page.goto('/browse')
  expect(new URL(page.url()).pathname).toBe('/signin')
  expect(troubles).toEqual([])
})

test('sign-in: the wrong password is said, the right one opens', async () => {
  const { page } = await visit(site)
  await page.goto('/signin')
  await page.getByLabel('Email').fill(people[0]!.email)
  await page.getByLabel('Password').fill('wrong horse 2')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('Email or password is wrong.').waitFor()
  expect(await page.getByLabel('Email').inputValue()).toBe(people[0]!.email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/browse')
})

describe('/browse', () => {
  test('the rest comes as one scrolls; each once', async () => {
    const { page, troubles } = await visit(site, { as: people[1] })
    await page.goto('/browse')
    const cards = page.locator('main ul a')
    expect(await cards.count()).toBeGreaterThanOrEqual(12)
    await page.mouse.wheel(0, 20_000)
    await page.getByText('That is everyone, for now.').waitFor()
    const links = await cards.evaluateAll((list) => list.map((link) => link.getAttribute('href')))
    expect(new Set(links).size).toBe(links.length)
    expect(links.length).toBeGreaterThanOrEqual(people.length - 1)
    expect(troubles).toEqual([])
  })

  test('filters, and a profile with all its photos', async () => {
    const { page, troubles } = await visit(site, { as: people[1] })
    await page.goto('/browse')
    await page.getByLabel('City').fill('lyon')
    await page.getByLabel('Gender').selectOption('Woman')
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await page.waitForURL('**/browse?*city=lyon*')
    await page.getByText('That is everyone, for now.').waitFor()
    expect(await page.locator('main ul a').count()).toBe(1)
    await page.getByRole('link', { name: /Amélie/ }).click()
    await page.getByRole('heading', { name: /^Amélie, \d\d$/ }).waitFor()
    expect(await page.locator('article img').count()).toBe(2)
    await page.locator('article img').last().scrollIntoViewIfNeeded()
    expect(Math.min(...(await pictures(page)))).toBeGreaterThan(100)
    expect(troubles).toEqual([])
  })

  test('nobody, and a profile that is not there', async () => {
    const { page } = await visit(site, { as: people[1] })
    await page.goto('/browse?city=Atlantis')
    await page.getByText('Nobody here fits.').waitFor()
    expect((await page.goto('/profile/nobody'))?.status()).toBe(404)
    await page.getByText('This profile is not here any more.').waitFor()
  })
})

describe('whoever is not signed in', () => {
  test.each([
    ['a forged cookie', `${'a'.repeat(32)}.${'A'.repeat(43)}%3D`],
    ['nonsense', '%zz'],
  ])('with %s is sent to sign in', async (_what, value) => {
    const { page, context } = await visit(site)
    await context.addCookies([{ name: 'better-auth.session_token', value, url: site }])
    await page.goto('/settings')
    expect(new URL(page.url()).pathname).toBe('/signin')
  })

  test('for the session has expired, too, and its cookie goes', async () => {
    const someone = await signedUp(HTTP, 'Late')
    const { page, context } = await visit(site, { as: someone })
    await page.goto('/create')
    await page.getByRole('heading', { name: 'Your profile' }).waitFor()
    sql(`UPDATE session SET "expiresAt" = now() - interval '1 minute' WHERE "userId" = '${someone.id}'`)
    await page.goto('/create')
    expect(new URL(page.url()).pathname).toBe('/signin')
    expect(await context.cookies()).toEqual([])
  })
})

test('an upload shows how far it is, and can be ended', async () => {
  const { page, troubles } = await visit(site, { as: people[2] })
  await page.goto('/settings')
  let arrived = () => {}
  const sent = new Promise<void>((resolve) => (arrived = resolve))
  await page.route(`${MEDIA}/**`, (route) => (route.request().method() === 'PUT' ? arrived() : route.continue())) // and it stays there
  await choosePhoto(page, await file(60))
  await page.getByRole('button', { name: 'Use this photo' }).click()
  await sent
  await page.getByText(/^Uploading… \d+ %$/).waitFor()
  await page.getByRole('progressbar', { name: 'Upload' }).waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByLabel('Choose a photo').waitFor({ state: 'attached' })
  expect(await page.getByRole('alert').filter({ hasText: /./ }).count()).toBe(0)
  expect(troubles).toEqual([])
})

describe('a photo that is none', () => {
  test('is refused with a sentence, and nothing is left', async () => {
    const { page } = await visit(site, { as: people[2] })
    await page.goto('/settings')
    const photos = page.getByRole('img', { name: /^Your photo/ })
    expect(await photos.count()).toBe(1)
    await choosePhoto(page, { name: 'me.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('these are words') })
    await page.getByText('This is not a picture that we can read.').waitFor()
    await choosePhoto(page, { name: 'me.gif', mimeType: 'image/gif', buffer: Buffer.from('GIF89a, and words') })
    await page.getByText('This kind of file is not taken.').waitFor()
    await page.reload()
    expect(await photos.count()).toBe(1)
  })
})

describe('/settings', () => {
  test('photos are added, ordered and deleted', async () => {
    const { page, troubles } = await visit(site, { as: people[3] })
    await page.goto('/settings')
    for (const [seed, n] of [[55, 2], [56, 3]] as const) {
      await choosePhoto(page, await file(seed))
      await page.getByRole('button', { name: 'Use this photo' }).click()
      await page.getByRole('img', { name: `Your photo ${n}` }).waitFor()
    }
    const sources = () => page.getByRole('img', { name: /^Your photo/ }).evaluateAll((list) => list.map((one) => (one as HTMLImageElement).src))
    const [first, second, third] = await sources()
    await page.getByRole('button', { name: 'Move photo 3 forward' }).click()
    await expect.poll(sources).toEqual([first, third, second])
    await page.getByRole('button', { name: 'Make photo 2 the main one' }).click()
    await expect.poll(() => page.getByRole('listitem').filter({ hasText: 'Main photo' }).getByRole('img').getAttribute('src')).toBe(new URL(third!).href.replace(site, ''))
    const left = (await sources()).length
    await page.getByRole('button', { name: 'Delete photo 3' }).click()
    await expect.poll(async () => (await sources()).length).toBe(left - 1)
    expect(troubles).toEqual([])
  })

  test('the profile is changed', async () => {
    const { page } = await visit(site, { as: people[4] })
    await page.goto('/settings')
    await page.getByLabel('City').fill('Bath')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    await page.goto(`/profile/${people[4]!.id}`)
    await page.getByText('Bath').waitFor()
  })

  test('another device is signed out; a new password takes the place of the old', async () => {
    const someone = people[5]!
    const phone = await visit(site)
    await phone.page.goto('/signin')
    await phone.page.getByLabel('Email').fill(someone.email)
    await phone.page.getByLabel('Password').fill(PASSWORD)
    await phone.page.getByRole('button', { name: 'Sign in' }).click()
    await phone.page.waitForURL('**/browse')

    const { page } = await visit(site, { as: someone })
    await page.goto('/settings')
    await page.getByRole('button', { name: 'Sign out Chrome, Linux' }).click()
    await expect.poll(() => page.getByRole('button', { name: 'Sign out Chrome, Linux' }).count()).toBe(0)
    await phone.page.goto('/settings')
    expect(new URL(phone.page.url()).pathname).toBe('/signin')

    await page.getByLabel('Current password').fill('wrong horse 2')
    await page.getByLabel('New password').fill('another horse 3')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('This is not your password.').waitFor()
    await page.getByLabel('Current password').fill(PASSWORD)
    await page.getByLabel('New password').fill('another horse 3')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('Your password has been changed.').waitFor()
    await page.goto('/browse')
    await page.getByRole('heading', { name: 'Who is here' }).waitFor()
  })

  test('an account is deleted', async () => {
    const someone = people.at(-1)!
    const { page, context } = await visit(site, { as: someone })
    await page.goto('/settings')
    await page.getByLabel('Your password, to confirm').fill(PASSWORD)
    await page.getByRole('button', { name: 'Delete my account' }).click()
    await page.waitForURL(`${site}/`)
    expect((await context.cookies()).filter(({ name }) => name.startsWith('better-auth'))).toEqual([])
    const other = await visit(site, { as: people[1] })
    await other.page.goto(`/profile/${someone.id}`)
    await other.page.getByText('This profile is not here any more.').waitFor()
  })
})

test('without JavaScript: sign-up, profile, photo, browsing, sign-out', async () => {
  const { page } = await visit(site, { javaScriptEnabled: false })
  await page.goto('/signup')
  await page.getByLabel('Name').fill('Grace')
  await page.getByLabel('Email').fill('no address')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByText('This is not an email address.').waitFor()
  await page.getByLabel('Email').fill(`grace-${process.pid}@example.com`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByLabel('Date of birth').fill('1986-12-09')
  await page.getByLabel('Gender').selectOption('Woman')
  await page.getByLabel('City').fill('New York')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('About you').fill('Compilers.')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('Choose a photo').setInputFiles(await file(91))
  await page.getByRole('button', { name: 'Upload' }).click()
  await page.getByRole('img', { name: 'Your photo 1' }).waitFor()
  await page.getByRole('main').getByRole('link', { name: 'See who is here' }).click()
  await page.getByRole('link', { name: 'Show more' }).click()
  await page.waitForURL('**/browse?page=*')
  await page.getByText('That is everyone, for now.').waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL('**/signin')
})

test('French, as the browser prefers or as was chosen', async () => {
  const { page } = await visit(site, { locale: 'fr-FR' })
  await page.goto('/signin')
  await page.getByRole('heading', { name: 'Content de vous revoir' }).waitFor()
  expect(await page.locator('html').getAttribute('lang')).toBe('fr')
  await page.getByRole('button', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor()
})

describe('while Quintet is away', () => {
  test('guarded pages say so and come back by themselves; others are there', async () => {
    const { page } = await visit(site, { as: people[6] })
    await page.goto('/browse')
    await relay.close()
    try {
      expect((await page.goto('/browse'))?.status()).toBe(503)
      await page.getByRole('heading', { name: 'We are away for a moment' }).waitFor()
      const guest = await visit(site)
      expect((await guest.page.goto('/'))?.status()).toBe(200)
      await page.goto('/browse')
    } finally {
      await relay.open()
    }
    await page.getByRole('heading', { name: 'Who is here' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/browse')
  })

  test('the error page tries again when asked to', async () => {
    const { page } = await visit(site, { as: people[6] })
    await relay.close()
    try {
      expect((await page.goto('/'))?.status()).toBe(500)
      await page.getByRole('heading', { name: 'Something went wrong' }).waitFor()
    } finally {
      await relay.open()
    }
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('link', { name: 'See who is here' }).waitFor()
  })
})
