import { chooseLanguage } from '@/app/actions'
import { currentLocale } from '@/lib/locale'
import { LOCALES, wordsOf, type Locale } from '@/lib/words'

const NAMES: Record<Locale, string> = { en: 'English', fr: 'Français' }

export async function Footer() {
  const locale = await currentLocale()
  const { site } = wordsOf(locale)
  return (
    <footer className="border-t border-line">
      <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-6 gap-y-2 px-4 py-6 text-soft sm:px-6">
        <p className="mr-auto">{site.tagline}</p>
        <form action={chooseLanguage} role="group" aria-label={site.language} className="-ml-3 flex sm:m-0">
          {LOCALES.map((one) => (
            <button
              key={one}
              name="locale"
              value={one}
              lang={one}
              aria-pressed={one === locale}
              className="min-h-11 cursor-pointer rounded-full px-3 aria-pressed:font-semibold aria-pressed:text-ink aria-[pressed=false]:underline"
            >
              {NAMES[one]}
            </button>
          ))}
        </form>
      </div>
    </footer>
  )
}
