import type { ReactNode } from 'react'
import { requireCompleteProfile } from '@quintet/next/server'

/** For those with a session and a complete profile; everyone else is sent to get them. */
export default async function Layout({ children }: { children: ReactNode }) {
  await requireCompleteProfile()
  return children
}
