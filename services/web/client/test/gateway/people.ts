/** People of the site, as the tests need them. */
import { deflateSync } from 'node:zlib'
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

/** A PNG of so many pixels a side, grey stripes, three bytes a pixel and not compressed. */
export function pictureBytes(side = 8): Uint8Array<ArrayBuffer> {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(side, 0)
  head.writeUInt32BE(side, 4)
  head.set([8, 2], 8) // eight bits, RGB
  const rows = Buffer.alloc(side * (1 + 3 * side), 0) // a row begins with its filter: none
  for (let row = 0; row < side; row++) rows.fill((row * 37) & 255, row * (1 + 3 * side) + 1, (row + 1) * (1 + 3 * side))
  return Uint8Array.from(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
      chunk('IHDR', head),
      chunk('IDAT', deflateSync(rows, { level: 0 })),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  )
}

function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return ~sum >>> 0
}
