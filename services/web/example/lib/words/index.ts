import { en, type Words } from './en'
import { fr } from './fr'

export type { Words }
export const LOCALES = ['en', 'fr'] as const
export type Locale = (typeof LOCALES)[number]
export const LOCALE_COOKIE = 'locale'

const ALL: Record<Locale, Words> = { en, fr }

export const wordsOf = (locale: Locale): Words => ALL[locale]

export const isLocale = (text: unknown): text is Locale => LOCALES.some((one) => one === text)

/** fill('Step {n} of 3', { n: 2 }) */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}

/** The first language of an Accept-Language header that is ours: "fr-CH, fr;q=0.9, en;q=0.8". */
export function preferred(header: string | null): Locale {
  const wishes = (header ?? '').split(',').map((part) => {
    const [tag = '', ...parameters] = part.trim().split(';')
    const weight = parameters.map((one) => /^\s*q=([\d.]+)\s*$/.exec(one)?.[1]).find(Boolean)
    return { language: tag.toLowerCase().split('-')[0], weight: weight === undefined ? 1 : Number(weight) }
  })
  wishes.sort((a, b) => b.weight - a.weight)
  const found = wishes.find(({ language, weight }) => weight > 0 && isLocale(language))
  return (found?.language as Locale | undefined) ?? 'en'
}
