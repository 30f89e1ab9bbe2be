'use server'

import { revalidatePath } from 'next/cache'
import { cookies } from 'next/headers'
import { redirect } from 'next/navigation'
import {
  changePassword as change,
  formAction,
  Gender,
  quintet,
  QuintetError,
  requireCompleteProfile,
  requireSession,
  signIn,
  signOut,
  signUp,
  text,
} from '@quintet/next/server'
import { filterOf, peoplePage, type PeoplePage } from '@/lib/people'
import { isReason, PROFILE_FIELDS, type ProfileField } from '@/lib/profile'
import { isLocale, LOCALE_COOKIE } from '@/lib/words'

const YEAR_S = 365 * 24 * 3600

export async function chooseLanguage(form: FormData): Promise<void> {
  const locale = text(form, 'locale')
  if (isLocale(locale)) (await cookies()).set(LOCALE_COOKIE, locale, { maxAge: YEAR_S, sameSite: 'lax', path: '/' })
  revalidatePath('/', 'layout')
}

export const enter = formAction(async (form) => {
  await signIn(form)
  redirect('/browse') // or on to /create, which the guard knows
})

export const join = formAction(async (form) => {
  await signUp(form)
  redirect('/create')
})

export async function leave(): Promise<void> {
  await signOut()
  redirect('/signin')
}

/** Saves the fields of a profile that the form has. With a field `next` it goes on there. */
export const saveProfile = formAction(async (form) => {
  await requireSession()
  const mask = PROFILE_FIELDS.filter((field) => form.has(field))
  requireGiven(form, mask)
  const given = {
    ...Object.fromEntries(mask.map((field) => [field, text(form, field).trim().replaceAll('\r\n', '\n')])),
    gender: Number(text(form, 'gender')) as Gender,
  }
  try {
    await quintet().profile.updateProfile({ ...given, updateMask: mask.map(snakeCase) })
  } catch (error) {
    if (!isReason(error, 'PROFILE_NOT_FOUND')) throw error
    await quintet().profile.createProfile(given)
  }
  const next = text(form, 'next')
  if (next in STEPS) redirect(STEPS[next as keyof typeof STEPS])
  revalidatePath('/', 'layout')
  return true
})

const STEPS = { bio: '/create?step=bio', photos: '/create?step=photos' }

/** A profile may be filled in piece by piece, but not by this site's forms with a gap. */
function requireGiven(form: FormData, fields: readonly ProfileField[]): void {
  const violations = fields
    .filter((field) => ['', '0'].includes(text(form, field).trim()))
    .map((field) => ({ field, description: 'must be given' }))
  if (violations.length > 0) throw new QuintetError({ code: 'invalid_argument', message: 'not all is given', violations })
}

const snakeCase = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** What uploadPhoto does in a browser, for one without JavaScript: its picture comes through here. */
export const addPhoto = formAction(async (form) => {
  const file = form.get('photo')
  if (!(file instanceof File) || file.size === 0)
    throw new QuintetError({ code: 'invalid_argument', message: 'no picture', reason: 'NO_PICTURE' })
  const { media } = quintet()
  const place = await media.createUpload({ contentType: file.type, sizeBytes: BigInt(file.size) })
  const headers = place.headers.filter(({ name }) => !/^(?:host|content-length)$/i.test(name)).map(({ name, value }): [string, string] => [name, value])
  const put = await fetch(place.url, { method: place.method, headers, body: await file.arrayBuffer() })
  if (!put.ok) throw new QuintetError({ code: 'unavailable', message: `the object store said ${put.status}` })
  await media.completeUpload({ uploadId: place.uploadId })
  photosChanged()
  return true
})

export const arrangePhotos = formAction(async (form) => {
  const photoId = text(form, 'photoId')
  const { media } = quintet()
  switch (text(form, 'act')) {
    case 'main':
      await media.setMainPhoto({ photoId })
      break
    case 'delete':
      await media.deletePhoto({ photoId })
      break
    case 'earlier':
    case 'later': {
      const ids = (await media.listPhotos({})).photos.map(({ id }) => id)
      const from = ids.indexOf(photoId)
      const to = from + (text(form, 'act') === 'earlier' ? -1 : 1)
      if (from >= 0 && to >= 0 && to < ids.length) {
        ids.splice(to, 0, ...ids.splice(from, 1))
        await media.reorderPhotos({ photoIds: ids })
      }
      break
    }
  }
  photosChanged()
  return true
})

export async function photosChanged(): Promise<void> {
  revalidatePath('/', 'layout')
}

/** The page of /browse after the one whose token this is. */
export async function morePeople(query: Record<string, string>, token: string): Promise<PeoplePage> {
  await requireCompleteProfile()
  return peoplePage(filterOf(query), token)
}

/** By its id: a session's token is as secret as a password, and does not go to the page. */
export const revokeSession = formAction(async (form) => {
  const { auth } = quintet()
  const { sessions } = await auth.listSessions({})
  const found = sessions.find(({ id }) => id === text(form, 'sessionId'))
  if (found) await auth.revokeSession({ token: found.token })
  revalidatePath('/settings')
  return true
})

export const revokeOthers = formAction(async () => {
  await quintet().auth.revokeOtherSessions({})
  revalidatePath('/settings')
  return true
})

export const changePassword = formAction(async (form) => {
  await change({ currentPassword: text(form, 'currentPassword'), newPassword: text(form, 'newPassword'), revokeOtherSessions: true })
  return true
})

/** The photos first: with the user, who could delete them, they would be nobody's. */
export const deleteAccount = formAction(async (form) => {
  const password = text(form, 'password')
  const { auth, profile } = quintet()
  await auth.verifyPassword({ password })
  await profile.deleteProfile({}).catch((error: unknown) => {
    if (!isReason(error, 'PROFILE_NOT_FOUND')) throw error
  })
  await auth.deleteUser({ password })
  redirect('/')
})
