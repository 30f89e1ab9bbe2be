import type { Metadata, Viewport } from 'next'
import type { ReactNode } from 'react'
import { Footer } from '@/components/footer'
import { Header } from '@/components/header'
import { WordsProvider } from '@/components/words'
import { currentLocale, currentWords } from '@/lib/locale'
import { wordsOf } from '@/lib/words'
import './globals.css'

export async function generateMetadata(): Promise<Metadata> {
  const { site } = await currentWords()
  return { title: { default: site.name, template: `%s · ${site.name}` }, description: site.tagline }
}

export const viewport: Viewport = {
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#fbf8f5' },
    { media: '(prefers-color-scheme: dark)', color: '#171216' },
  ],
}

export default async function Layout({ children }: { children: ReactNode }) {
  const locale = await currentLocale()
  return (
    <html lang={locale}>
      <body className="flex min-h-dvh flex-col">
        <a href="#content" className="button-main absolute left-4 z-30 -translate-y-24 focus:translate-y-2">
          {wordsOf(locale).site.skip}
        </a>
        <WordsProvider locale={locale}>
          <Header />
          <main id="content" className="mx-auto w-full max-w-6xl grow px-4 py-6 sm:px-6 sm:py-10">
            {children}
          </main>
          <Footer />
        </WordsProvider>
      </body>
    </html>
  )
}
