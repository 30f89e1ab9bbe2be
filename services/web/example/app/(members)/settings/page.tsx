import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { plain, quintet, requireCompleteProfile } from '@quintet/next/server'
import { Photos } from '@/components/photos'
import { ProfileForm } from '@/components/profile-form'
import { device } from '@/lib/device'
import { currentLocale } from '@/lib/locale'
import { photoViews } from '@/lib/photos'
import { isReason, myProfile } from '@/lib/profile'
import { wordsOf } from '@/lib/words'
import { DeleteForm, PasswordForm } from './forms'
import { Sessions, type SessionView } from './sessions'

export async function generateMetadata(): Promise<Metadata> {
  return { title: wordsOf(await currentLocale()).settings.title }
}

export default async function Page() {
  const { session, user } = await requireCompleteProfile()
  const locale = await currentLocale()
  const [profile, { photos }, sessions] = await Promise.all([myProfile(), quintet().media.listPhotos({}), sessionViews(session.id, locale)])
  const { settings } = wordsOf(locale)
  const { displayName = '', birthDate = '', gender = 0, city = '', bio = '' } = profile ?? {}
  return (
    <div className="mx-auto grid max-w-3xl gap-6">
      <div>
        <h1 className="text-4xl">{settings.title}</h1>
        <p className="text-soft break-words">{user.email}</p>
      </div>
      <Part id="photos" title={settings.photos}>
        <Photos photos={photoViews(photos)} />
      </Part>
      <Part id="profile" title={settings.profile}>
        <ProfileForm part="all" submit={settings.save} values={{ displayName, birthDate, gender: String(gender), city, bio }} />
      </Part>
      <Part id="sessions" title={settings.sessions}>
        {sessions ? <Sessions sessions={sessions} /> : <p className="text-soft">{settings.notFresh}</p>}
      </Part>
      <Part id="password" title={settings.password}>
        <PasswordForm />
      </Part>
      <Part id="delete" title={settings.danger}>
        <p className="text-soft">{settings.dangerLead}</p>
        <DeleteForm />
      </Part>
    </div>
  )
}

function Part({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section aria-labelledby={id} className="card grid gap-5 p-5 sm:p-8">
      <h2 id={id} className="text-2xl">
        {title}
      </h2>
      {children}
    </section>
  )
}

/** Null: the session is too old to be shown the others. The tokens stay here. */
async function sessionViews(current: string, locale: string): Promise<SessionView[] | null> {
  const when = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  try {
    const { sessions } = await quintet().auth.listSessions({ disableRefresh: true })
    return sessions.map((message) => {
      const { id, userAgent, createdAt, ipAddress } = plain(message)
      return { id, device: device(userAgent), since: when.format(createdAt), address: ipAddress, current: id === current }
    })
  } catch (error) {
    if (isReason(error, 'SESSION_NOT_FRESH')) return null
    throw error
  }
}
