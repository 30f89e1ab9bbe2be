import Link from 'next/link'
import { getSessionWithProfileCheck } from '@quintet/next/server'
import { currentWords } from '@/lib/locale'

export default async function Page() {
  const [{ home, nav }, check] = await Promise.all([currentWords(), getSessionWithProfileCheck()])
  return (
    <div className="grid gap-12 py-6 sm:gap-20 sm:py-14">
      <section className="grid items-center gap-10 lg:grid-cols-[1.1fr_1fr]">
        <div className="grid justify-items-start gap-6">
          <h1 className="text-4xl leading-tight sm:text-6xl">{home.title}</h1>
          <p className="max-w-prose text-lg text-soft sm:text-xl">{home.lead}</p>
          <div className="flex flex-wrap gap-3">
            {check.authenticated ? (
              <Link href={check.profileComplete ? '/browse' : '/create'} prefetch={false} className="button-main">
                {check.profileComplete ? home.browse : home.finish}
              </Link>
            ) : (
              <>
                <Link href="/signup" prefetch={false} className="button-main">
                  {home.join}
                </Link>
                <Link href="/signin" prefetch={false} className="button-plain">
                  {nav.signIn}
                </Link>
              </>
            )}
          </div>
        </div>
        <Faces />
      </section>
      <ul className="grid gap-5 md:grid-cols-3">
        {home.points.map(([title, text]) => (
          <li key={title} className="card grid content-start gap-2 p-6">
            <h2 className="text-2xl">{title}</h2>
            <p className="text-soft">{text}</p>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Five, of whom two have met. */
function Faces() {
  return (
    <svg viewBox="0 0 420 330" className="w-full max-w-md justify-self-center" aria-hidden="true">
      <g className="text-accent" fill="currentColor">
        <g opacity=".16">
          <circle cx="70" cy="82" r="38" />
          <path d="M8 206c0-44 26-70 62-70s62 26 62 70z" />
          <circle cx="350" cy="82" r="38" />
          <path d="M288 206c0-44 26-70 62-70s62 26 62 70z" />
          <circle cx="210" cy="58" r="38" />
          <path d="M148 182c0-44 26-70 62-70s62 26 62 70z" />
        </g>
        <circle cx="146" cy="176" r="46" opacity=".6" />
        <path d="M66 322c0-54 34-86 80-86s80 32 80 86z" opacity=".6" />
        <circle cx="274" cy="176" r="46" />
        <path d="M194 322c0-54 34-86 80-86s80 32 80 86z" />
      </g>
      <path d="M210 178c-15-11-22-18-22-27a11 11 0 0 1 22-3 11 11 0 0 1 22 3c0 9-7 16-22 27Z" fill="var(--card)" stroke="var(--accent)" strokeWidth="5" />
    </svg>
  )
}
