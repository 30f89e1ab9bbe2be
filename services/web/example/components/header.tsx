import Link from 'next/link'
import { getSessionWithProfileCheck, isQuintetError, type ProfileCheck } from '@quintet/next/server'
import { leave } from '@/app/actions'
import { currentWords } from '@/lib/locale'
import { Pending } from './pending'

/** The head of every page. While Quintet is away nobody knows who is there, and the page below says so. */
export async function Header() {
  const [{ site, nav }, check] = await Promise.all([currentWords(), whoIsThere()])
  const link = 'rounded-full px-2 py-2 font-semibold hover:bg-sunken sm:px-4'
  return (
    <header className="sticky top-0 z-20 border-b border-line bg-page/90 backdrop-blur">
      <div className="mx-auto flex max-w-6xl items-center gap-2 px-4 py-2 sm:px-6">
        <Link href="/" className="mr-auto flex items-center gap-2 rounded-full py-2 font-display text-xl font-semibold">
          <Mark />
          <span className="max-[24rem]:sr-only">{site.name}</span>
        </Link>
        <nav aria-label={nav.menu} className="flex items-center sm:gap-1">
          {check?.authenticated ? (
            <>
              {check.profileComplete && (
                <>
                  <Link href="/browse" prefetch={false} className={link}>
                    {nav.browse}
                    <Pending />
                  </Link>
                  <Link href="/settings" prefetch={false} className={link}>
                    {nav.settings}
                    <Pending />
                  </Link>
                </>
              )}
              <form action={leave}>
                <button className={`${link} grid cursor-pointer place-items-center`} aria-label={nav.signOut} title={nav.signOut}>
                  <svg viewBox="0 0 24 24" className="size-6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
                    <path d="M10 4H5v16h5M15 8l4 4-4 4M19 12H9" />
                  </svg>
                </button>
              </form>
            </>
          ) : (
            check && (
              <>
                <Link href="/signin" prefetch={false} className={link}>
                  {nav.signIn}
                  <Pending />
                </Link>
                <Link href="/signup" prefetch={false} className="button-main max-sm:px-4">
                  {nav.signUp}
                  <Pending />
                </Link>
              </>
            )
          )}
        </nav>
      </div>
    </header>
  )
}

async function whoIsThere(): Promise<ProfileCheck | null> {
  try {
    return await getSessionWithProfileCheck()
  } catch (error) {
    if (isQuintetError(error)) return null
    throw error
  }
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" className="size-8 text-accent" fill="currentColor" aria-hidden="true">
      <path d="M16 28C6.5 21 3 16.5 3 11.2A6.7 6.7 0 0 1 16 8.5a6.7 6.7 0 0 1 13 2.7C29 16.5 25.5 21 16 28Z" />
    </svg>
  )
}
