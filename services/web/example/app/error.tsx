'use client'

import { useRouter } from 'next/navigation'
import { startTransition } from 'react'
import { StatePage } from '@/components/state'
import { useWords } from '@/components/words'
import { fill } from '@/lib/words'

/** What a page or a layout throws ends here; what it said stays on the server, the digest finds it in the log. */
export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  const { states } = useWords()
  const router = useRouter()
  return (
    <div role="alert">
      <StatePage title={states.errorTitle} lead={states.errorLead}>
        <button
          className="button-main"
          onClick={() =>
            startTransition(() => {
              router.refresh()
              reset()
            })
          }
        >
          {states.retry}
        </button>
        {error.digest !== undefined && <p className="w-full text-sm text-soft">{fill(states.reference, { id: error.digest })}</p>}
      </StatePage>
    </div>
  )
}
