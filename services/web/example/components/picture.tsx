import Image from 'next/image'
import type { Picture as Source } from '@/lib/people'

/** Fills its frame, with the blurred sketch of the media service until it has come. */
export function Picture({ source, alt, sizes, first = false }: { source: Source; alt: string; sizes: string; first?: boolean }) {
  return (
    <Image
      src={source.url}
      alt={alt}
      fill
      sizes={sizes}
      className="object-cover"
      loading={first ? 'eager' : 'lazy'}
      {...(source.blur && { placeholder: 'blur' as const, blurDataURL: source.blur })}
    />
  )
}
