// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { uploadPhoto, type UploadProgress } from '../../src/client/index.js'
import { endpoint, Person, pictureBytes } from './people.js'

// XMLHttpRequest, preflight included, is jsdom's; the object store and the gateway are real. Cookies of fetch are set here, as Node has none.
const nodeFetch = globalThis.fetch
let ada: Person
beforeEach(async () => {
  ada = await Person.signedUp()
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const headers = new Headers(init.headers)
    headers.set('cookie', ada.cookie)
    return nodeFetch(url, { ...init, headers })
  })
})
afterEach(() => vi.unstubAllGlobals())

const baseUrl = endpoint('HTTP')
const picture = (bytes: Uint8Array<ArrayBuffer> = pictureBytes(), type = 'image/png') => new File([bytes], 'me.png', { type })

describe('uploadPhoto', () => {
  test('makes a photo that others can see', async () => {
    const photo = await uploadPhoto(picture(), { baseUrl })
    expect(photo).toMatchObject({ main: true })
    expect(photo.createdAt).toBeInstanceOf(Date)
    expect((await ada.ask.media.listPhotos({})).photos.map(({ id }) => id)).toEqual([photo.id])
    const seen = await nodeFetch(photo.url)
    expect(seen.headers.get('content-type')).toBe(photo.contentType)
    expect((await seen.arrayBuffer()).byteLength).toBe(photo.sizeBytes)
  })

  test('tells how far it is, from nothing to all', async () => {
    const told: UploadProgress[] = []
    const large = pictureBytes(1000)
    await uploadPhoto(picture(large), { baseUrl, onProgress: (progress) => told.push(progress) })
    expect(told[0]).toEqual({ phase: 'preparing', loaded: 0, total: large.length })
    expect(told.at(-1)).toEqual({ phase: 'checking', loaded: large.length, total: large.length })
    const sent = told.filter(({ phase }) => phase === 'sending').map(({ loaded }) => loaded)
    expect(sent[0]).toBe(0)
    expect(sent.at(-1)).toBe(large.length)
    expect(sent).toEqual([...sent].sort((a, b) => a - b))
  })

  test('ends when it is told to, with the reason that was given', async () => {
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const large = pictureBytes(1700)
    const upload = uploadPhoto(picture(large), {
      baseUrl,
      signal: controller.signal,
      onProgress: ({ phase }) => phase === 'sending' && controller.abort(reason),
    })
    await expect(upload).rejects.toBe(reason)
    expect((await ada.ask.media.listPhotos({})).photos).toEqual([])
  })

  test('what is no picture by its name, and what is none at all, is refused before anything is sent', async () => {
    await expect(uploadPhoto(picture(pictureBytes(), 'text/html'), { baseUrl })).rejects.toMatchObject({
      code: 'invalid_argument',
      violations: [{ field: 'content_type' }],
    })
    await expect(uploadPhoto(picture(new Uint8Array(0)), { baseUrl })).rejects.toMatchObject({ violations: [{ field: 'size_bytes' }] })
  })

  test('what only calls itself one is refused by the check', async () => {
    await expect(uploadPhoto(picture(new TextEncoder().encode('<script>alert(1)</script>')), { baseUrl })).rejects.toMatchObject({
      code: 'failed_precondition',
      reason: 'NOT_A_PICTURE',
    })
    expect((await ada.ask.media.listPhotos({})).photos).toEqual([])
  })

  test('whoever is signed out is told so', async () => {
    ada.cookie = ''
    await expect(uploadPhoto(picture(), { baseUrl })).rejects.toMatchObject({ code: 'unauthenticated', reason: 'NO_SESSION' })
  })
})
