import { useActionState } from 'react'
import { describe, expectTypeOf, test } from 'vitest'
import { EMPTY_FORM, isQuintetError, QuintetError, type FormState, type ProfileCheck, type QuintetCode, type Session, type User } from '../../src/index.js'
import { uploadPhoto } from '../../src/client/index.js'
import { withQuintet } from '../../src/config/index.js'
import { quintetFor } from '../../src/node/index.js'
import { quintetProxy } from '../../src/proxy/index.js'
import { formAction, getSession, quintet, requireCompleteProfile, signIn, signUp } from '../../src/server/index.js'
import type { NextConfig } from 'next'
import type { NextRequest } from 'next/server'

describe('sessions', () => {
  test('as Better Auth has them', () => {
    expectTypeOf(getSession).returns.resolves.toEqualTypeOf<{ session: Session; user: User } | null>()
    expectTypeOf<User['image']>().toEqualTypeOf<string | null>()
    expectTypeOf<Session['expiresAt']>().toEqualTypeOf<Date>()
    expectTypeOf<Session>().not.toHaveProperty('$typeName')
    expectTypeOf(requireCompleteProfile).returns.resolves.toHaveProperty('user')
  })

  test('a check is narrowed by `authenticated`', () => {
    const check = {} as ProfileCheck
    if (check.authenticated) {
      expectTypeOf(check.session).toEqualTypeOf<Session>()
      expectTypeOf(check.nextStep).toEqualTypeOf<'none' | 'create-profile'>()
    } else {
      expectTypeOf(check.session).toBeNull()
      expectTypeOf(check.profileComplete).toEqualTypeOf<false>()
    }
  })

  test('sign-up may leave without a session, sign-in never does', () => {
    expectTypeOf(signIn).returns.resolves.toHaveProperty('session').toEqualTypeOf<Session>()
    expectTypeOf(signUp).returns.resolves.toHaveProperty('session').toEqualTypeOf<Session | null>()
    // @ts-expect-error a name is wanted
    void signUp({ email: 'a@b.c', password: 'x' })
  })
})

describe('calls', () => {
  test('are typed by the contracts', () => {
    const { profile } = quintet()
    expectTypeOf(profile.listProfiles).parameter(0).toExtend<{ pageSize?: number }>()
    // @ts-expect-error there is no such field
    void profile.listProfiles({ pages: 1 })
    // @ts-expect-error there is no such method: it is of services among themselves
    void quintetFor().auth.take
  })
})

describe('forms', () => {
  test('an action fits useActionState with the empty form, and tells what it returns', () => {
    const action = formAction(async () => 7)
    const [state] = useActionState(action, EMPTY_FORM)
    expectTypeOf(state).toEqualTypeOf<FormState<number>>()
    expectTypeOf(state.data).toEqualTypeOf<number | undefined>()
    expectTypeOf(state.fields).toEqualTypeOf<Record<string, string>>()
  })
})

test('errors are told apart by their code', () => {
  const error: unknown = new Error()
  if (isQuintetError(error, 'unavailable')) expectTypeOf(error).toEqualTypeOf<QuintetError>()
  expectTypeOf<'unavailable'>().toExtend<QuintetCode>()
})

test('the browser', () => {
  expectTypeOf(uploadPhoto).returns.resolves.toHaveProperty('sizeBytes').toEqualTypeOf<number>()
  expectTypeOf(uploadPhoto).returns.resolves.toHaveProperty('createdAt').toEqualTypeOf<Date>()
})

test('the configuration stays what it was, object or function', () => {
  expectTypeOf(withQuintet({})).toEqualTypeOf<NextConfig>()
  expectTypeOf(withQuintet(async () => ({}))).toBeFunction()
  // @ts-expect-error no such option
  withQuintet({}, { gateway: '' })
  expectTypeOf(quintetProxy()).parameter(0).toEqualTypeOf<NextRequest>()
})
