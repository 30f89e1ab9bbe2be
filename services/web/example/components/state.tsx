import type { ReactNode } from 'react'

/** A page that has one thing to say: not found, away, gone wrong. */
export function StatePage({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <div className="mx-auto grid max-w-xl justify-items-center gap-5 py-16 text-center sm:py-24">
      <svg viewBox="0 0 64 64" className="size-16 text-accent" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round">
        <path d="M32 55C14 42 7 33 7 22.5A12.5 12.5 0 0 1 32 18a12.5 12.5 0 0 1 25 4.5C57 33 50 42 32 55Z" />
        <path d="m33 19-6 9 9 6-6 9" />
      </svg>
      <h1 className="text-3xl sm:text-4xl">{title}</h1>
      <p className="text-lg text-soft">{lead}</p>
      <div className="flex flex-wrap justify-center gap-3">{children}</div>
    </div>
  )
}
