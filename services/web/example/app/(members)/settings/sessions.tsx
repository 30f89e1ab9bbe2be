'use client'

import { useActionState } from 'react'
import { EMPTY_FORM } from '@quintet/next/client'
import { revokeOthers, revokeSession } from '@/app/actions'
import { Notice } from '@/components/form'
import { useWords } from '@/components/words'
import { problem } from '@/lib/problems'
import { fill } from '@/lib/words'

export interface SessionView {
  id: string
  device: string | null
  since: string
  address: string
  current: boolean
}

export function Sessions({ sessions }: { sessions: SessionView[] }) {
  const words = useWords()
  const [one, revoke, revoking] = useActionState(revokeSession, EMPTY_FORM)
  const [others, revokeAll, revokingAll] = useActionState(revokeOthers, EMPTY_FORM)
  const failed = [one, others].find(({ ok }) => ok === false)
  return (
    <>
      <ul className="grid divide-y divide-line">
        {sessions.map(({ id, device, since, address, current }) => {
          const name = device ?? words.settings.unknownDevice
          return (
            <li key={id} className="flex flex-wrap items-center gap-3 py-3">
              <div className="mr-auto">
                <p className="font-semibold">
                  {name}
                  {current && <span className="ml-2 rounded-full bg-good-wash px-3 py-1 text-sm text-good">{words.settings.thisOne}</span>}
                </p>
                <p className="text-sm text-soft">{[fill(words.settings.since, { date: `${since} UTC` }), address].filter(Boolean).join(' · ')}</p>
              </div>
              {!current && (
                <form action={revoke}>
                  <input type="hidden" name="sessionId" value={id} />
                  <button className="button-plain" aria-label={fill(words.settings.revoke, { device: name })} disabled={revoking}>
                    {words.settings.revokeShort}
                  </button>
                </form>
              )}
            </li>
          )
        })}
      </ul>
      {failed && <Notice bad>{problem(failed, words)}</Notice>}
      {sessions.length > 1 && (
        <form action={revokeAll}>
          <button className="button-plain" disabled={revokingAll}>
            {words.settings.revokeOthers}
          </button>
        </form>
      )}
    </>
  )
}
