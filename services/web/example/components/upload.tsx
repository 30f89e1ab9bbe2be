'use client'

import { useEffect, useId, useRef, useState, useTransition, type ChangeEvent } from 'react'
import { isQuintetError, uploadPhoto, type UploadProgress } from '@quintet/next/client'
import { addPhoto, photosChanged } from '@/app/actions'
import { problem } from '@/lib/problems'
import { fill, type Words } from '@/lib/words'
import { Crop } from './crop'
import { Form, Notice } from './form'
import { useWords } from './words'

/** Beside what browsers know as pictures: not all of them know the type of a HEIC file. */
const ACCEPT = 'image/jpeg,image/png,image/webp,image/avif,image/heic,.heic'

type State =
  | { at: 'idle' }
  | { at: 'cropping'; file: File }
  | { at: 'sending'; progress: UploadProgress }
  | { at: 'failed'; text: string }
  | { at: 'done' }

/** A photo from a file: cropped, sent straight to the object store, checked. Without JavaScript a form that sends it through the site. */
export function Upload() {
  const words = useWords()
  // False until the page has come alive: then what needs JavaScript takes the place of what does not.
  const [script, setScript] = useState(false)
  const early = useRef<HTMLInputElement>(null)
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const controller = useRef<AbortController>(undefined)
  const [state, setState] = useState<State>({ at: 'idle' })
  const [, startTransition] = useTransition()

  useEffect(() => {
    const file = early.current?.files?.[0] // chosen before that
    if (file) setState({ at: 'cropping', file })
    setScript(true)
    return () => controller.current?.abort()
  }, [])

  async function send(picture: Blob) {
    controller.current = new AbortController()
    const { signal } = controller.current
    try {
      await uploadPhoto(picture, { signal, onProgress: (progress) => setState({ at: 'sending', progress }) })
      setState({ at: 'done' })
      startTransition(photosChanged)
    } catch (error) {
      setState(signal.aborted ? { at: 'idle' } : { at: 'failed', text: said(error, words) })
    }
  }

  function choose({ target }: ChangeEvent<HTMLInputElement>) {
    const file = target.files?.[0]
    target.value = '' // so that the same file can be chosen again
    if (file) setState({ at: 'cropping', file })
  }

  if (!script)
    return (
      <Form action={addPhoto} submit={words.photos.upload} submitClass="button-plain" done={words.photos.done}>
        {() => (
          <label className="grid gap-1.5 font-semibold">
            {words.photos.choose}
            <input ref={early} type="file" name="photo" accept={ACCEPT} className="field font-normal" />
          </label>
        )}
      </Form>
    )

  return (
    <div className="grid gap-3">
      {state.at === 'cropping' && (
        <Crop
          file={state.file}
          onDone={(picture) => void send(picture)}
          onCancel={() => {
            setState({ at: 'idle' })
            field.current?.focus()
          }}
        />
      )}
      {state.at === 'sending' && <Progress progress={state.progress} onCancel={() => controller.current?.abort(new DOMException('cancelled', 'AbortError'))} />}
      {state.at === 'failed' && <Notice bad>{state.text}</Notice>}
      {state.at === 'done' && <Notice>{words.photos.done}</Notice>}
      {state.at !== 'sending' && state.at !== 'cropping' && (
        <div className="grid gap-1.5">
          <input ref={field} id={id} type="file" accept={ACCEPT} onChange={choose} className="peer sr-only" aria-describedby={`${id}-types`} />
          <label
            htmlFor={id}
            className="button-plain min-h-24 rounded-2xl border-2 border-dashed peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent"
          >
            <svg viewBox="0 0 24 24" className="size-6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" aria-hidden="true">
              <path d="M12 5v14M5 12h14" />
            </svg>
            {words.photos.choose}
          </label>
          <p id={`${id}-types`} className="text-sm text-soft">
            {words.photos.types}
          </p>
        </div>
      )}
    </div>
  )
}

function Progress({ progress: { phase, loaded, total }, onCancel }: { progress: UploadProgress; onCancel: () => void }) {
  const { photos } = useWords()
  const percent = Math.round((100 * loaded) / total)
  const text = phase === 'preparing' ? photos.preparing : phase === 'checking' ? photos.checking : fill(photos.sending, { percent })
  return (
    <div className="grid gap-3 rounded-2xl border border-line p-4">
      <p role="status">{text}</p>
      <progress aria-label={photos.progress} max={total} value={loaded} className="h-3 w-full accent-accent" />
      <button type="button" className="button-plain justify-self-start" onClick={onCancel}>
        {photos.cancel}
      </button>
    </div>
  )
}

function said(error: unknown, words: Words): string {
  if (!isQuintetError(error)) return words.problems.other
  const field = error.violations[0]?.field
  if (field === 'size_bytes') return words.problems.PICTURE_TOO_LARGE
  if (field === 'content_type') return words.problems.PICTURE_KIND
  return problem(error, words)
}
