import { describe, expect, test } from 'vitest'
import { EMPTY_FORM, formAction, formFailure, text } from '../../src/core/form.js'
import { QuintetError } from '../../src/core/errors.js'

function form(fields: Record<string, string>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.append(name, value)
  return data
}

describe('a failed call as a form shows it', () => {
  test('fields by their names in TypeScript, the first complaint of each; no message beside them', () => {
    const error = new QuintetError({
      code: 'invalid_argument',
      message: 'the profile is not valid',
      violations: [
        { field: 'birth_date', description: 'must be at least 18 years ago' },
        { field: 'birth_date', description: 'and another' },
        { field: 'city', description: 'must be 1 to 100 characters' },
      ],
    })
    expect(formFailure(error)).toEqual({
      ok: false,
      code: 'invalid_argument',
      fields: { birthDate: 'must be at least 18 years ago', city: 'must be 1 to 100 characters' },
      values: {},
    })
  })

  test.each([
    ['USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL', 'email'],
    ['PASSWORD_TOO_SHORT', 'password'],
  ])('%s blames %s', (reason, field) => {
    const state = formFailure(new QuintetError({ code: 'already_exists', message: 'so it is', reason }))
    expect(state).toMatchObject({ reason, fields: { [field]: 'so it is' } })
    expect(state.message).toBeUndefined()
  })

  test('what blames no field is told for the form, with when to come again', () => {
    const error = new QuintetError({ code: 'resource_exhausted', message: 'too many requests', reason: 'TOO_MANY_REQUESTS', retryAfterMs: 9000, requestId: 'r' })
    expect(formFailure(error)).toEqual({
      ok: false,
      code: 'resource_exhausted',
      reason: 'TOO_MANY_REQUESTS',
      message: 'too many requests',
      retryAfterMs: 9000,
      requestId: 'r',
      fields: {},
      values: {},
    })
  })

  test('what was typed is there to be filled in again, but for passwords', () => {
    const typed = form({ email: 'a@b.c', password: 'hush', newPassword: 'hush', resetToken: 'hush', $ACTION_KEY: 'x' })
    typed.append('photo', new Blob(['x']))
    expect(formFailure(new QuintetError({ code: 'internal', message: 'm' }), typed).values).toEqual({ email: 'a@b.c' })
  })

  test('is plain data: what React passes to the browser', () => {
    const state = formFailure(new QuintetError({ code: 'internal', message: 'm', cause: new Error('secret') }))
    expect(structuredClone(state)).toEqual(state)
    expect(JSON.stringify(state)).not.toContain('secret')
  })
})

describe('formAction', () => {
  test('returns what the function returned', async () => {
    const act = formAction(async (posted) => text(posted, 'city').toUpperCase())
    expect(await act(EMPTY_FORM, form({ city: 'Rome' }))).toEqual({ ok: true, data: 'ROME', fields: {}, values: {} })
  })

  test('turns a QuintetError into the state', async () => {
    const act = formAction(async () => {
      throw new QuintetError({ code: 'unauthenticated', message: 'wrong e-mail or password' })
    })
    expect(await act(EMPTY_FORM, form({ email: 'a@b.c' }))).toMatchObject({ ok: false, message: 'wrong e-mail or password', values: { email: 'a@b.c' } })
  })

  test('lets redirects and defects go on up', async () => {
    const redirect = Object.assign(new Error('NEXT_REDIRECT'), { digest: 'NEXT_REDIRECT;replace;/browse;303;' })
    await expect(formAction(async () => Promise.reject(redirect))(EMPTY_FORM, form({}))).rejects.toBe(redirect)
    await expect(
      formAction(async () => {
        throw new TypeError('ours')
      })(EMPTY_FORM, form({})),
    ).rejects.toThrow(TypeError)
  })
})
