/** People of the site, as the tests need them. */
import { inject } from 'vitest'
import { quintetFor, withCookies, type Quintet, type SetCookie } from '../../src/node/index.js'
import { Gender } from '../../src/gen/profile_pb.js'

export const endpoint = (name: string): string => {
  const found = inject('endpoints')[name]
  if (found === undefined) throw new Error(`no ${name} among the endpoints`)
  return found
}

export const PASSWORD = 'correct horse 1'
let count = 0

/** A browser without a page: keeps its cookies from call to call. */
export class Person {
  readonly number = ++count
  readonly email = `person-${process.pid}-${this.number}@example.com`
  cookie = ''
  readonly set: SetCookie[] = []

  get ask(): Quintet {
    return quintetFor({
      cookie: this.cookie,
      clientAddress: `198.51.100.${this.number % 256}`,
      settings: { url: endpoint('HTTP') },
      onCookies: (set) => {
        this.set.push(...set)
        this.cookie = withCookies(this.cookie, set)
      },
    })
  }

  static async signedUp(name = 'Ada'): Promise<Person> {
    const person = new Person()
    await person.ask.auth.signUp({ name, email: person.email, password: PASSWORD })
    return person
  }

  /** Without a browser: the PUT is Node's own. */
  async uploads(bytes = pictureBytes()) {
    const place = await this.ask.media.createUpload({ contentType: 'image/png', sizeBytes: BigInt(bytes.length) })
    const headers = Object.fromEntries(place.headers.map(({ name, value }) => [name, value]))
    const put = await fetch(place.url, { method: place.method, headers, body: bytes })
    if (!put.ok) throw new Error(`PUT: ${put.status} ${await put.text()}`)
    return (await this.ask.media.completeUpload({ uploadId: place.uploadId })).photo!
  }

  async makesProfile() {
    return this.ask.profile.createProfile({ displayName: 'Ada', birthDate: '1990-12-10', gender: Gender.FEMALE, city: 'London', bio: 'Engines.' })
  }
}

/** A PNG of one pixel. */
export function pictureBytes(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='),
    (letter) => letter.charCodeAt(0),
  )
}
