import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import {
  NextStep,
  type GetSessionWithProfileCheckResponse,
  type Session as SessionMessage,
  type User as UserMessage,
} from '../gen/auth_pb.js'
import type { Photo as PhotoMessage } from '../gen/media_pb.js'

/** A message as a plain object, as React passes it to client components: times as Date, 64-bit numbers as number. */
export type Plain<T> = {
  [K in Exclude<keyof T, '$typeName' | '$unknown'>]: [T[K]] extends [bigint] ? number : [T[K]] extends [Timestamp | undefined] ? Date : T[K]
}

/** As Better Auth has it. */
export interface User extends Omit<Plain<UserMessage>, 'image'> {
  image: string | null
}

/**
 * As Better Auth has it, but that `token` does not enumerate: it is as secret as a password, and so it does not reach the page when a
 * session is passed to a client component, nor a log.
 */
export type Session = Plain<SessionMessage>

export interface SessionAndUser {
  session: Session
  user: User
}

/** Fields of a profile that still lack. */
export type MissingField = 'displayName' | 'birthDate' | 'gender' | 'city' | 'bio' | 'photos' | (string & {})

/** Who is signed in, and whether the profile is complete. */
export type ProfileCheck =
  | {
      authenticated: false
      session: null
      user: null
      profileComplete: false
      missingFields: MissingField[]
      nextStep: 'sign-in'
      nextPath: string
    }
  | {
      authenticated: true
      session: Session
      user: User
      profileComplete: boolean
      missingFields: MissingField[]
      nextStep: 'none' | 'create-profile'
      /** Empty when there is nothing left to do. */
      nextPath: string
    }

export type Photo = Plain<PhotoMessage>

export const SIGNED_OUT: ProfileCheck = {
  authenticated: false,
  session: null,
  user: null,
  profileComplete: false,
  missingFields: [],
  nextStep: 'sign-in',
  nextPath: '/signin',
}

/** A message's fields; of its own fields only, not of the messages within. */
export function plain<T extends object>(message: T): Plain<T> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(message)) {
    if (key === '$typeName' || key === '$unknown') continue
    out[key] = typeof value === 'bigint' ? Number(value) : isTimestamp(value) ? timestampDate(value) : value
  }
  return out as Plain<T>
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof value === 'object' && value !== null && '$typeName' in value && value.$typeName === 'google.protobuf.Timestamp'
}

export function userOf(message: UserMessage): User {
  return { ...plain(message), image: message.image || null }
}

export function sessionOf(message: SessionMessage): Session {
  return Object.defineProperty(plain(message), 'token', { enumerable: false })
}

export function checkOf(message: GetSessionWithProfileCheckResponse): ProfileCheck {
  if (!message.authenticated || !message.session || !message.user) return { ...SIGNED_OUT, nextPath: message.nextPath || '/signin' }
  return {
    authenticated: true,
    session: sessionOf(message.session),
    user: userOf(message.user),
    profileComplete: message.profileComplete,
    missingFields: message.missingFields.map(camelCase),
    nextStep: message.nextStep === NextStep.CREATE_PROFILE ? 'create-profile' : 'none',
    nextPath: message.nextPath,
  }
}

/** "birth_date" → "birthDate": what a .proto's field is called in TypeScript. */
export function camelCase(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
