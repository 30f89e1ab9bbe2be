import type { Photo } from '@quintet/next'
import type { Picture } from './people'

/** One of one's own photos, as a client component gets it. */
export interface PhotoView extends Picture {
  id: string
  main: boolean
}

export const MAX_PHOTOS = 6

/** What a card shows: four to five. Photos are cropped to it before they are sent. */
export const FRAME = { width: 1280, height: 1600 } as const

type Fields = Pick<Photo, 'id' | 'main' | 'url' | 'width' | 'height' | 'blurDataUrl'>

export function photoViews(photos: readonly Fields[]): PhotoView[] {
  return photos.map(({ id, main, url, width, height, blurDataUrl }) => ({ id, main, url, width, height, blur: blurDataUrl }))
}
