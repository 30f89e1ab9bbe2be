import 'server-only'
import { cookies, headers } from 'next/headers'
import { cache } from 'react'
import { isLocale, LOCALE_COOKIE, preferred, wordsOf, type Locale, type Words } from './words'

/** What was chosen, else what the browser prefers. */
export const currentLocale = cache(async (): Promise<Locale> => {
  const chosen = (await cookies()).get(LOCALE_COOKIE)?.value
  return isLocale(chosen) ? chosen : preferred((await headers()).get('accept-language'))
})

export const currentWords = async (): Promise<Words> => wordsOf(await currentLocale())
