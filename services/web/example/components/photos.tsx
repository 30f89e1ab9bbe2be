'use client'

import { useActionState, type ReactNode } from 'react'
import { EMPTY_FORM } from '@quintet/next/client'
import { arrangePhotos } from '@/app/actions'
import { MAX_PHOTOS, type PhotoView } from '@/lib/photos'
import { problem } from '@/lib/problems'
import { fill } from '@/lib/words'
import { Notice } from './form'
import { Picture } from './picture'
import { Upload } from './upload'
import { useWords } from './words'

/** One's own photos: add, order, choose the main one, delete. */
export function Photos({ photos }: { photos: PhotoView[] }) {
  const words = useWords()
  const [state, act, pending] = useActionState(arrangePhotos, EMPTY_FORM)
  return (
    <div className="grid gap-5">
      {photos.length === 0 ? (
        <p className="text-soft">{words.photos.none}</p>
      ) : (
        <ol aria-label={words.photos.yours} className="grid grid-cols-2 gap-3 sm:grid-cols-3">
          {photos.map((photo, index) => {
            const n = index + 1
            return (
              <li key={photo.id} className="grid min-w-0 gap-2">
                <div className="relative aspect-4/5 overflow-hidden rounded-2xl bg-sunken">
                  <Picture source={photo} alt={fill(words.photos.alt, { n })} sizes="(min-width: 640px) 200px, 46vw" first />
                  {photo.main && (
                    <span className="absolute bottom-2 left-2 rounded-full bg-card px-3 py-1 text-sm font-semibold text-ink">{words.photos.main}</span>
                  )}
                </div>
                <form action={act} className="flex" aria-busy={pending}>
                  <input type="hidden" name="photoId" value={photo.id} />
                  <Act act="earlier" label={fill(words.photos.earlier, { n })} disabled={index === 0 || pending} draw={<path d="m14 6-6 6 6 6" />} />
                  <Act
                    act="main"
                    label={fill(words.photos.makeMain, { n })}
                    disabled={photo.main || pending}
                    draw={<path d="m12 4 2.4 5 5.6.8-4 3.9.9 5.5-4.9-2.6-4.9 2.6.9-5.5-4-3.9 5.6-.8Z" />}
                  />
                  <Act act="delete" label={fill(words.photos.remove, { n })} disabled={pending} draw={<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5" />} />
                  <Act act="later" label={fill(words.photos.later, { n })} disabled={index === photos.length - 1 || pending} draw={<path d="m10 6 6 6-6 6" />} />
                </form>
              </li>
            )
          })}
        </ol>
      )}
      {state.message !== undefined && <Notice bad>{problem(state, words)}</Notice>}
      {photos.length < MAX_PHOTOS ? <Upload /> : <p className="text-soft">{words.photos.full}</p>}
    </div>
  )
}

function Act({ act, label, disabled, draw }: { act: string; label: string; disabled: boolean; draw: ReactNode }) {
  return (
    <button
      name="act"
      value={act}
      aria-label={label}
      title={label}
      disabled={disabled}
      className="grid h-11 min-w-0 grow cursor-pointer place-items-center rounded-full text-ink hover:bg-sunken disabled:cursor-default disabled:opacity-30"
    >
      <svg viewBox="0 0 24 24" className="size-6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
        {draw}
      </svg>
    </button>
  )
}
