import type { Metadata } from 'next'
import Link from 'next/link'
import { notFound } from 'next/navigation'
import { cache } from 'react'
import { isQuintetError, requireCompleteProfile } from '@quintet/next/server'
import { Picture } from '@/components/picture'
import { currentWords } from '@/lib/locale'
import { person, type Picture as Source } from '@/lib/people'
import { fill } from '@/lib/words'

const find = cache(async (id: string) => {
  try {
    return await person(id)
  } catch (error) {
    if (isQuintetError(error, 'not_found', 'invalid_argument')) return null
    throw error
  }
})

export async function generateMetadata({ params }: PageProps<'/profile/[id]'>): Promise<Metadata> {
  await requireCompleteProfile()
  const found = await find(decoded((await params).id))
  return { title: found?.displayName }
}

export default async function Page({ params }: PageProps<'/profile/[id]'>) {
  const { user } = await requireCompleteProfile()
  const [found, words] = await Promise.all([params.then(({ id }) => find(decoded(id))), currentWords()])
  if (!found) notFound()
  const { displayName: name, age, city, gender, bio, pictures } = found
  const [main, ...others] = pictures
  return (
    <article className="grid gap-6">
      <Link href="/browse" prefetch={false} className="link justify-self-start py-2">
        <span aria-hidden="true">← </span>
        {words.profile.back}
      </Link>
      {/* On a phone: the main photo, what is said, the other photos. */}
      <div className="grid items-start gap-6 md:grid-cols-2 md:gap-x-10">
        {main && <Frame picture={main} name={name} first />}
        <div className="grid gap-6 md:sticky md:top-24 md:col-start-2 md:row-span-2 md:row-start-1">
          <div className="grid gap-2">
            <h1 className="text-4xl break-words sm:text-5xl">
              {name}, {age}
            </h1>
            <p className="text-lg text-soft">
              {words.genders[gender as keyof typeof words.genders]} · {city}
            </p>
          </div>
          <section className="card grid gap-3 p-6">
            <h2 className="text-2xl">{fill(words.profile.about, { name })}</h2>
            <p className="leading-relaxed break-words whitespace-pre-line">{bio}</p>
          </section>
          {found.userId === user.id && (
            <Link href="/settings" className="button-plain justify-self-start">
              {words.profile.edit}
            </Link>
          )}
        </div>
        {others.length > 0 && (
          <div className="grid gap-6">
            {others.map((picture) => (
              <Frame key={picture.url} picture={picture} name={name} />
            ))}
          </div>
        )}
      </div>
    </article>
  )
}

async function Frame({ picture, name, first = false }: { picture: Source; name: string; first?: boolean }) {
  const { browse } = await currentWords()
  return (
    <div className="relative aspect-4/5 overflow-hidden rounded-3xl bg-sunken">
      <Picture source={picture} alt={fill(browse.photoOf, { name })} sizes="(min-width: 1152px) 532px, (min-width: 768px) 46vw, 94vw" first={first} />
    </div>
  )
}

/** As it was before it became part of an address; what cannot have been one is nobody's. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}
