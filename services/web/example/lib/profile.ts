import 'server-only'
import { cache } from 'react'
import { isQuintetError, quintet, type QuintetError } from '@quintet/next/server'

export const PROFILE_FIELDS = ['displayName', 'birthDate', 'gender', 'city', 'bio'] as const
export type ProfileField = (typeof PROFILE_FIELDS)[number]

/** The visitor's own profile, or null before there is one. */
export const myProfile = cache(async () => {
  try {
    return (await quintet().profile.getMyProfile({})).profile ?? null
  } catch (error) {
    if (isReason(error, 'PROFILE_NOT_FOUND')) return null
    throw error
  }
})

export const isReason = (error: unknown, reason: string): error is QuintetError => isQuintetError(error) && error.reason === reason
