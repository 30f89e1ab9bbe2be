import type { Metadata } from 'next'
import Link from 'next/link'
import { redirect } from 'next/navigation'
import { getSessionWithProfileCheck, quintet, requireSession } from '@quintet/next/server'
import { Photos } from '@/components/photos'
import { ProfileForm } from '@/components/profile-form'
import { currentWords } from '@/lib/locale'
import { myProfile } from '@/lib/profile'
import { photoViews } from '@/lib/photos'
import { fill } from '@/lib/words'

const STEPS = ['about', 'bio', 'photos'] as const
type Step = (typeof STEPS)[number]

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await currentWords()).create.title }
}

/** The profile in three steps. Each is saved when it is left, so whoever comes back goes on where something still lacks. */
export default async function Page({ searchParams }: PageProps<'/create'>) {
  const { user } = await requireSession()
  const [{ step: asked }, words, profile, check] = await Promise.all([searchParams, currentWords(), myProfile(), getSessionWithProfileCheck()])
  const reached: Step = !profile || check.missingFields.some((field) => field !== 'bio' && field !== 'photos') ? 'about' : profile.bio === '' ? 'bio' : 'photos'
  // The step stands in the address: who adds the photo that was all that lacked may want to add another.
  if (asked === undefined) redirect(check.profileComplete ? '/browse' : `/create?step=${reached}`)
  const wanted = STEPS.find((one) => one === asked) ?? reached
  const step = STEPS.indexOf(wanted) <= STEPS.indexOf(reached) ? wanted : reached
  const number = STEPS.indexOf(step) + 1
  const values = {
    displayName: profile ? profile.displayName : user.name,
    birthDate: profile?.birthDate ?? '',
    gender: String(profile?.gender ?? 0),
    city: profile?.city ?? '',
    bio: profile?.bio ?? '',
  }
  const back = (to: Step) => (
    <Link href={`/create?step=${to}`} className="button-plain">
      {words.create.back}
    </Link>
  )
  return (
    <div className="mx-auto grid max-w-2xl gap-6">
      <div className="grid gap-3">
        <h1 className="text-4xl">{words.create.title}</h1>
        <ol className="grid grid-cols-3 gap-2">
          {STEPS.map((one, index) => (
            <li key={one} aria-current={one === step ? 'step' : undefined} className={`grid gap-2 text-sm ${index < number ? 'font-semibold' : 'text-soft'}`}>
              <span aria-hidden="true" className={`h-1.5 rounded-full ${index < number ? 'bg-accent' : 'bg-line'}`} />
              {words.create.steps[one]}
            </li>
          ))}
        </ol>
      </div>
      <section className="card grid gap-5 p-5 sm:p-8" aria-labelledby="step">
        <div>
          <p className="text-sm text-soft">{fill(words.create.step, { n: number })}</p>
          <h2 id="step" className="text-2xl">
            {words.create.steps[step]}
          </h2>
        </div>
        {step === 'about' && <ProfileForm part="about" values={values} next="bio" submit={words.create.next} />}
        {step === 'bio' && <ProfileForm part="bio" values={values} next="photos" submit={words.create.next} beside={back('about')} />}
        {step === 'photos' && (
          <>
            <p className="text-soft">{words.create.photosLead}</p>
            <Photos photos={photoViews((await quintet().media.listPhotos({})).photos)} />
            <div className="flex flex-wrap gap-3 border-t border-line pt-5">
              {check.profileComplete && (
                <Link href="/browse" prefetch={false} className="button-main">
                  {words.create.finish}
                </Link>
              )}
              {back('bio')}
            </div>
          </>
        )}
      </section>
    </div>
  )
}
