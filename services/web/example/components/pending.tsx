'use client'

import { useLinkStatus } from 'next/link'
import { useWords } from './words'

/**
 * Within a link: a bar at the top of the page while what it leads to is being made. Not a loading.tsx, whose page would stay hidden from
 * whoever has no JavaScript, and would say 200 before it knows.
 */
export function Pending() {
  const { states } = useWords()
  const { pending } = useLinkStatus()
  if (!pending) return null
  return (
    <span role="status" className="fixed inset-x-0 top-0 z-40 h-1 overflow-hidden bg-accent-wash">
      <span className="block h-full w-1/3 animate-[slide_1s_ease-in-out_infinite] bg-accent" />
      <span className="sr-only">{states.loading}</span>
    </span>
  )
}
