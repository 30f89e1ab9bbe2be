/** People of the site: with accounts, profiles and photos, made by the package's clients as a script would. */
import { Gender } from '@quintet/next'
import { quintetFor, withCookies, type Quintet } from '@quintet/next/node'
import { portrait } from './portrait'

export const PASSWORD = 'correct horse 1'

/** Somebody who is signed in. */
export interface Settled {
  id: string
  email: string
  name: string
  /** What their browser sends: "better-auth.session_token=…". */
  cookie: string
}

const WOMAN = Gender.FEMALE
const MAN = Gender.MALE
const BIOS = [
  'On a free Sunday I bake far too much bread and give half of it away.\n\nI laugh about puns, the worse the better. Looking for someone to walk with, and to argue about films on the way home.',
  'Cyclist, slow reader, quick cook. Tell me about the last thing that you changed your mind about.',
  'I repair old radios and play the cello badly. The neighbours are kind people.',
  'Sea swimmer, all year round. I will hold your towel if you hold mine.',
]
const PEOPLE = [
  ['Amélie', WOMAN, 1994, 'Lyon'],
  ['Jonas', MAN, 1990, 'Berlin'],
  ['Priya', WOMAN, 1997, 'London'],
  ['Mateo', MAN, 1988, 'Madrid'],
  ['Sam', Gender.NON_BINARY, 1995, 'Bristol'],
  ['Chloé', WOMAN, 1992, 'Paris'],
  ['Kwame', MAN, 1986, 'London'],
  ['Ingrid', WOMAN, 1983, 'Oslo'],
  ['Luca', MAN, 1998, 'Torino'],
  ['Nadia', WOMAN, 1991, 'Paris'],
  ['Théo', MAN, 1996, 'Nantes'],
  ['Freya', WOMAN, 1989, 'Leeds'],
  ['Malik', MAN, 1993, 'Paris'],
  ['Elena', WOMAN, 1999, 'Milano'],
  ['Robin', Gender.NON_BINARY, 1987, 'Gent'],
  ['Oscar', MAN, 1984, 'Lyon'],
  ['Zoë', WOMAN, 1996, 'Utrecht'],
  ['Anton', MAN, 1992, 'Wien'],
] as const

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0'
let count = 0

/** A new account, and its browser's cookie. */
export async function signedUp(gateway: string, name: string): Promise<Settled & { ask: Quintet }> {
  const email = `${name.normalize('NFD').replace(/[^a-z]/gi, '').toLowerCase()}-${process.pid}-${++count}@example.com`
  let cookie = ''
  const clientAddress = `198.51.100.${count % 256}`
  const onCookies: NonNullable<NonNullable<Parameters<typeof quintetFor>[0]>['onCookies']> = (set) => void (cookie = withCookies(cookie, set))
  const { user } = await quintetFor({ clientAddress, userAgent: FIREFOX, settings: { url: gateway }, onCookies }).auth.signUp({ name, email, password: PASSWORD })
  return { id: user!.id, email, name, cookie, ask: quintetFor({ cookie, clientAddress, settings: { url: gateway } }) }
}

/** All of the above: enough for a second page of /browse. */
export async function settle(gateway: string): Promise<Settled[]> {
  const settled: Settled[] = []
  for (const [index, [displayName, gender, year, city]] of PEOPLE.entries()) {
    const { ask, ...someone } = await signedUp(gateway, displayName)
    await ask.profile.createProfile({ displayName, gender, birthDate: `${year}-0${1 + (index % 9)}-1${index % 9}`, city, bio: BIOS[index % BIOS.length]! })
    for (let photo = 0; photo < (index % 4 === 0 ? 2 : 1); photo++) await addPhoto(ask, await portrait(index, photo))
    settled.push(someone)
  }
  return settled
}

async function addPhoto(ask: Quintet, picture: Uint8Array<ArrayBuffer>): Promise<void> {
  const { method, url, headers, uploadId } = await ask.media.createUpload({ contentType: 'image/jpeg', sizeBytes: BigInt(picture.length) })
  const put = await fetch(url, { method, headers: headers.map(({ name, value }): [string, string] => [name, value]), body: picture })
  if (!put.ok) throw new Error(`PUT: ${put.status} ${await put.text()}`)
  await ask.media.completeUpload({ uploadId })
}
