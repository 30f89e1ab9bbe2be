'use client'

import { useEffect, useRef, useState, type PointerEvent } from 'react'
import { FRAME } from '@/lib/photos'
import { useWords } from './words'

const QUALITY = 0.9
const MAX_ZOOM = 4

/** Which part of a picture is shown: 1 fills the frame, 0 is the left or upper end, 1 the other. */
interface View {
  zoom: number
  x: number
  y: number
}

const MIDDLE: View = { zoom: 1, x: 0.5, y: 0.5 }

/**
 * Cuts a picture to the frame of the cards. What this browser cannot show (HEIC in most) is sent as it is: the media service can, or says
 * that it is none.
 */
export function Crop({ file, onDone, onCancel }: { file: File; onDone: (picture: Blob) => void; onCancel: () => void }) {
  const { photos } = useWords()
  const [picture, setPicture] = useState<ImageBitmap>()
  const [view, setView] = useState(MIDDLE)
  const canvas = useRef<HTMLCanvasElement>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  const asItIs = useRef(onDone)
  asItIs.current = onDone

  useEffect(() => {
    let mine: ImageBitmap | undefined
    let over = false
    createImageBitmap(file).then(
      (bitmap) => {
        if (over) return bitmap.close()
        mine = bitmap
        setPicture(bitmap)
      },
      () => over || asItIs.current(file),
    )
    return () => {
      over = true
      mine?.close()
    }
  }, [file])

  useEffect(() => {
    if (picture) heading.current?.focus()
  }, [picture])

  useEffect(() => {
    const to = canvas.current?.getContext('2d')
    if (!picture || !to) return
    const from = part(picture, view)
    to.drawImage(picture, from.x, from.y, from.width, from.height, 0, 0, FRAME.width, FRAME.height)
  }, [picture, view])

  if (!picture) return <p role="status">{photos.preparing}</p>

  function drag({ currentTarget, buttons, movementX, movementY }: PointerEvent<HTMLCanvasElement>) {
    if (buttons === 0 || !picture) return
    const shown = part(picture, view)
    const scale = shown.width / currentTarget.clientWidth
    const room = { x: picture.width - shown.width, y: picture.height - shown.height }
    setView(({ zoom, x, y }) => ({
      zoom,
      x: room.x > 0 ? within(x - (movementX * scale) / room.x) : x,
      y: room.y > 0 ? within(y - (movementY * scale) / room.y) : y,
    }))
  }

  const slider = (name: keyof View, label: string, min: number, max: number) => (
    <label className="grid gap-1 font-semibold">
      {label}
      <input
        type="range"
        min={min}
        max={max}
        step={0.01}
        value={view[name]}
        onChange={({ target }) => setView({ ...view, [name]: Number(target.value) })}
        className="h-8 w-full accent-accent"
      />
    </label>
  )

  return (
    <section aria-labelledby="crop" className="grid gap-4 rounded-2xl border border-line p-4">
      <div>
        <h3 id="crop" ref={heading} tabIndex={-1} className="font-display text-xl font-semibold outline-none">
          {photos.crop}
        </h3>
        <p className="text-sm text-soft">{photos.cropHint}</p>
      </div>
      <div className="grid items-center gap-5 sm:grid-cols-[minmax(0,16rem)_1fr]">
        <canvas
          ref={canvas}
          width={FRAME.width}
          height={FRAME.height}
          aria-hidden="true"
          className="w-full cursor-move touch-none rounded-2xl bg-sunken max-sm:mx-auto max-sm:max-w-64"
          onPointerDown={({ currentTarget, pointerId }) => currentTarget.setPointerCapture(pointerId)}
          onPointerMove={drag}
        />
        <div className="grid gap-3">
          {slider('zoom', photos.zoom, 1, MAX_ZOOM)}
          {slider('x', photos.across, 0, 1)}
          {slider('y', photos.down, 0, 1)}
        </div>
      </div>
      <div className="flex flex-wrap gap-3">
        <button type="button" className="button-main" onClick={() => canvas.current?.toBlob((blob) => blob && onDone(blob), 'image/jpeg', QUALITY)}>
          {photos.use}
        </button>
        <button type="button" className="button-plain" onClick={onCancel}>
          {photos.cancel}
        </button>
      </div>
    </section>
  )
}

/** The rectangle of a picture that a view shows, in its pixels. */
function part({ width, height }: ImageBitmap, { zoom, x, y }: View) {
  const ratio = FRAME.width / FRAME.height
  const most = width / height > ratio ? { width: height * ratio, height } : { width, height: width / ratio }
  const shown = { width: most.width / zoom, height: most.height / zoom }
  return { ...shown, x: (width - shown.width) * x, y: (height - shown.height) * y }
}

const within = (value: number) => Math.min(1, Math.max(0, value))
