import type { ReactNode } from 'react'

export default function Layout({ children }: { children: ReactNode }) {
  return <div className="mx-auto max-w-md py-4 sm:py-10">{children}</div>
}
