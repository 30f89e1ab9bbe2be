'use client'

import { createContext, useContext, type ReactNode } from 'react'
import { wordsOf, type Locale, type Words } from '@/lib/words'

const Current = createContext<Locale>('en')

export function WordsProvider({ locale, children }: { locale: Locale; children: ReactNode }) {
  return <Current value={locale}>{children}</Current>
}

export const useWords = (): Words => wordsOf(useContext(Current))
