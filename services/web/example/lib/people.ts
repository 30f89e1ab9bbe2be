import 'server-only'
import { Gender, quintet } from '@quintet/next/server'

/** One of the people of /browse, as a client component gets it. */
export interface Person {
  id: string
  name: string
  age: number
  city: string
  photo: Picture | null
}

/** What next/image wants. */
export interface Picture {
  url: string
  width: number
  height: number
  blur: string
}

export interface Filter {
  gender: Gender
  minAge: number
  maxAge: number
  city: string
}

export interface PeoplePage {
  people: Person[]
  /** Empty: these were the last. */
  next: string
}

export const AGES = { min: 18, max: 120 } as const
const PAGE = 12

type Query = Record<string, string | string[] | undefined>

/** From an address such as /browse?gender=1&minAge=30: what makes no sense counts as not given. */
export function filterOf(query: Query): Filter {
  const one = (name: string) => [query[name]].flat()[0]?.trim() ?? ''
  const age = (name: string) => {
    const number = Number(one(name))
    return Number.isInteger(number) && number >= AGES.min && number <= AGES.max ? number : 0
  }
  const gender = Number(one('gender'))
  const [minAge, maxAge] = [age('minAge'), age('maxAge')]
  return {
    gender: gender in Gender && Number.isInteger(gender) ? gender : Gender.UNSPECIFIED,
    // The wrong way round is what somebody meant.
    ...(minAge > maxAge && maxAge > 0 ? { minAge: maxAge, maxAge: minAge } : { minAge, maxAge }),
    city: [...one('city')].slice(0, 100).join(''),
  }
}

/** Two calls a page, however many are on it. */
export async function peoplePage(filter: Filter, pageToken = ''): Promise<PeoplePage> {
  const { profiles, nextPageToken } = await quintet().profile.listProfiles({ ...filter, pageSize: PAGE, pageToken })
  const photos = await mainPhotos(profiles.map(({ userId }) => userId))
  return {
    people: profiles.map(({ userId, displayName, age, city }) => ({ id: userId, name: displayName, age, city, photo: photos.get(userId) ?? null })),
    next: nextPageToken,
  }
}

/** One person with all photos; null when there is no such complete profile. Throws what the call throws otherwise. */
export async function person(userId: string) {
  const [{ profile }, main] = await Promise.all([quintet().profile.getProfile({ userId }), mainPhotos([userId])])
  if (!profile) return null
  const first = main.get(userId)
  return { ...profile, pictures: first ? [first, ...others(profile.photos, first)] : [] }
}

async function mainPhotos(userIds: string[]): Promise<Map<string, Picture>> {
  if (userIds.length === 0) return new Map()
  const { photos } = await quintet().media.listProfilePhotos({ userIds })
  return new Map(photos.map(({ userId, url, width, height, blurDataUrl }) => [userId, { url, width, height, blur: blurDataUrl }]))
}

/**
 * The other photos of a profile: it says where they lie in the store, and the main photo's URL says where the store is read. Signed URLs do
 * not end with the key, and then there is the main photo alone.
 */
function others(photos: readonly { objectKey: string; main: boolean }[], main: Picture): Picture[] {
  const key = photos.find((photo) => photo.main)?.objectKey
  if (key === undefined || !main.url.endsWith(key)) return []
  const store = main.url.slice(0, -key.length)
  return photos.filter((photo) => !photo.main).map(({ objectKey }) => ({ url: store + objectKey, width: 0, height: 0, blur: '' }))
}
