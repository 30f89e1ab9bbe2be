'use client'

import Link from 'next/link'
import { useCallback, useEffect, useRef, useState } from 'react'
import { morePeople } from '@/app/actions'
import type { PeoplePage, Person } from '@/lib/people'
import { fill } from '@/lib/words'
import { Notice } from './form'
import { Pending } from './pending'
import { Picture } from './picture'
import { useWords } from './words'

/** The cards of /browse. More come when the end comes into sight; without JavaScript, by a link to the next page. */
export function People({ first, query }: { first: PeoplePage; query: Record<string, string> }) {
  const words = useWords()
  const [people, setPeople] = useState(first.people)
  const [next, setNext] = useState(first.next)
  const [state, setState] = useState<'idle' | 'loading' | 'failed'>('idle')
  const end = useRef<HTMLDivElement>(null)
  const busy = useRef(false)

  const more = useCallback(async () => {
    if (busy.current) return
    busy.current = true
    setState('loading')
    try {
      const page = await morePeople(query, next)
      setPeople((before) => [...before, ...page.people.filter(({ id }) => before.every((one) => one.id !== id))])
      setNext(page.next)
      setState('idle')
    } catch {
      setState('failed')
    } finally {
      busy.current = false
    }
  }, [next, query])

  useEffect(() => {
    if (next === '' || state === 'failed' || end.current === null) return
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && void more(), { rootMargin: '600px' })
    watch.observe(end.current)
    return () => watch.disconnect()
  }, [more, next, state])

  if (people.length === 0) return <p className="card p-8 text-center text-soft">{words.browse.empty}</p>
  return (
    <>
      <ul className="grid grid-cols-2 gap-3 sm:gap-5 md:grid-cols-3 lg:grid-cols-4">
        {people.map((person, index) => (
          <li key={person.id}>
            <Card person={person} first={index < 4} />
          </li>
        ))}
      </ul>
      <div ref={end} className="mt-8 grid justify-items-center gap-3" aria-live="polite">
        {state === 'failed' && <Notice bad>{words.browse.failed}</Notice>}
        {next === '' ? (
          <p className="text-soft">{words.browse.end}</p>
        ) : (
          <Link
            href={{ pathname: '/browse', query: { ...query, page: next } }}
            prefetch={false}
            className="button-plain"
            aria-busy={state === 'loading'}
            onClick={(event) => {
              event.preventDefault()
              void more()
            }}
          >
            {state === 'loading' ? words.browse.loading : words.browse.more}
          </Link>
        )}
      </div>
    </>
  )
}

function Card({ person, first }: { person: Person; first: boolean }) {
  const words = useWords()
  return (
    <Link
      href={`/profile/${encodeURIComponent(person.id)}`}
      prefetch={false}
      className="group block overflow-hidden rounded-2xl border border-line bg-card sm:rounded-3xl"
    >
      <div className="relative aspect-4/5 overflow-hidden bg-sunken">
        {person.photo ? (
          <div className="absolute inset-0 transition-transform duration-300 group-hover:scale-[1.03]">
            <Picture
              source={person.photo}
              alt={fill(words.browse.photoOf, { name: person.name })}
              sizes="(min-width: 1152px) 272px, (min-width: 1024px) 24vw, (min-width: 768px) 32vw, 48vw"
              first={first}
            />
          </div>
        ) : (
          <p className="grid h-full place-items-center text-soft">{words.browse.noPhoto}</p>
        )}
      </div>
      <div className="p-3 sm:p-4">
        <p className="truncate text-lg font-semibold">
          {person.name}, {person.age}
        </p>
        <p className="truncate text-soft">{person.city}</p>
      </div>
      <Pending />
    </Link>
  )
}
