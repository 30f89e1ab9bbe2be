// @vitest-environment jsdom
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { uploadPhoto } from '../../src/client/index.js'
import { CompleteUploadResponseSchema, CreateUploadResponseSchema } from '../../src/gen/media_pb.js'
import { failure, serve, type TestServer } from './server.js'

let server: TestServer
/** What the object store and CompleteUpload answer, in order; after them all is well. */
let puts: number[]
let completions: { status: number; error: object; headers?: Record<string, string> }[]

beforeEach(async () => {
  puts = []
  completions = []
  const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'access-control-allow-methods': 'PUT' }
  server = await serve(({ path }, response) => {
    if (path.endsWith('/CreateUpload')) {
      const headers = [
        { name: 'content-type', value: 'image/png' },
        { name: 'If-None-Match', value: '*' },
        { name: 'content-length', value: '3' },
      ]
      const place = create(CreateUploadResponseSchema, { uploadId: 'u1', method: 'PUT', url: `${server.url}/store/pending?X-Amz-Signature=s`, headers })
      response.writeHead(200, { 'content-type': 'application/proto' }).end(toBinary(CreateUploadResponseSchema, place))
    } else if (path.startsWith('/store/')) {
      const status = response.req.method === 'PUT' ? (puts.shift() ?? 200) : 204
      response.writeHead(status, cors).end(status < 400 ? '' : '<Error><Code>EntityTooLarge</Code></Error>')
    } else {
      const next = completions.shift()
      if (next) return failure(response, next.status, next.error, next.headers)
      const photo = create(CompleteUploadResponseSchema, { photo: { id: 'u1', sizeBytes: 3n } })
      response.writeHead(200, { 'content-type': 'application/proto' }).end(toBinary(CompleteUploadResponseSchema, photo))
    }
  })
})
afterEach(() => server.close())

const picture = () => new File(['png'], 'me.png', { type: 'image/png' })
const calls = (part: string) => server.seen.filter(({ path }) => path.includes(part)).length
const upload = () => uploadPhoto(picture(), { baseUrl: server.url })

test('the headers go as they were signed, but for those that are the browser’s own', async () => {
  expect(await upload()).toMatchObject({ id: 'u1', sizeBytes: 3 })
  const put = server.seen.find(({ path, headers }) => path.startsWith('/store/') && !headers['access-control-request-method'])!
  expect(put.headers['content-type']).toBe('image/png')
  expect(put.headers['if-none-match']).toBe('*')
  expect(put.body.toString()).toBe('png')
})

describe('the check is asked for again', () => {
  test.each([
    [503, { code: 'unavailable' }, {}],
    [500, { code: 'unknown' }, {}],
    [504, { code: 'deadline_exceeded' }, {}],
    [429, { code: 'resource_exhausted' }, { 'retry-after': '1' }],
  ])('after %i %o', async (status, error, headers) => {
    completions = [{ status, error, headers }]
    expect(await upload()).toMatchObject({ id: 'u1' })
    expect(calls('/CompleteUpload')).toBe(2)
  })

  test.each([
    [400, { code: 'failed_precondition' }, {}],
    [429, { code: 'resource_exhausted' }, {}], // too many photos
    [503, { code: 'unavailable' }, { 'retry-after': '60' }],
  ])('but not after %i %o %o', async (status, error, headers) => {
    completions = [{ status, error, headers }]
    await expect(upload()).rejects.toMatchObject(error)
    expect(calls('/CompleteUpload')).toBe(1)
  })

  test('and not for ever', async () => {
    completions = Array.from({ length: 9 }, () => ({ status: 503, error: { code: 'unavailable' } }))
    await expect(upload()).rejects.toMatchObject({ code: 'unavailable' })
    expect(calls('/CompleteUpload')).toBe(4)
  })
})

test('what the object store refuses is told in its words', async () => {
  puts = [403]
  await expect(upload()).rejects.toMatchObject({ code: 'failed_precondition', reason: 'EntityTooLarge' })
  expect(calls('/CompleteUpload')).toBe(0)
})

test('an upload that was ended before it began asks nobody', async () => {
  const reason = new Error('never mind')
  await expect(uploadPhoto(picture(), { baseUrl: server.url, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect(server.seen).toEqual([])
})

test('an upload is ended also while it waits to ask again', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  completions = [{ status: 429, error: { code: 'resource_exhausted' }, headers: { 'retry-after': '9' } }]
  const done = uploadPhoto(picture(), { baseUrl: server.url, signal: controller.signal })
  while (calls('/CompleteUpload') === 0) await new Promise((resolve) => setImmediate(resolve))
  controller.abort(reason)
  await expect(done).rejects.toBe(reason)
})
