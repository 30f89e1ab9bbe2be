import {
  NextStep,
  type GetSessionWithProfileCheckResponse,
  type Session as SessionMessage,
  type User as UserMessage,
} from '../gen/auth_pb.js'
import { camelCase, plain, type Plain } from './plain.js'

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

export const SIGNED_OUT: ProfileCheck = {
  authenticated: false,
  session: null,
  user: null,
  profileComplete: false,
  missingFields: [],
  nextStep: 'sign-in',
  nextPath: '/signin',
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
