import type { Metadata } from 'next'
import Link from 'next/link'
import { isQuintetError, requireCompleteProfile } from '@quintet/next/server'
import { People } from '@/components/people'
import { currentWords } from '@/lib/locale'
import { AGES, filterOf, peoplePage, type Filter } from '@/lib/people'
import type { Words } from '@/lib/words'

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await currentWords()).browse.title }
}

export default async function Page({ searchParams }: PageProps<'/browse'>) {
  await requireCompleteProfile()
  const [query, words] = await Promise.all([searchParams, currentWords()])
  const filter = filterOf(query)
  const asked = queryOf(filter)
  const token = typeof query.page === 'string' ? query.page : ''
  // A page token that has been edited, or is of other filters, is the first page.
  const first = await peoplePage(filter, token).catch((error: unknown) => {
    if (token !== '' && isQuintetError(error, 'invalid_argument')) return peoplePage(filter)
    throw error
  })
  return (
    <div className="grid gap-6">
      <h1 className="text-4xl">{words.browse.title}</h1>
      <Filters filter={filter} words={words} />
      {/* Another search is another list, from its beginning. */}
      <People key={JSON.stringify([asked, token])} first={first} query={asked} />
    </div>
  )
}

/** What the address has of it; the rest is left out. */
function queryOf({ gender, minAge, maxAge, city }: Filter): Record<string, string> {
  return {
    ...(gender !== 0 && { gender: String(gender) }),
    ...(minAge > 0 && { minAge: String(minAge) }),
    ...(maxAge > 0 && { maxAge: String(maxAge) }),
    ...(city !== '' && { city }),
  }
}

/** A plain GET form: the search is in the address, to be kept and sent on. */
function Filters({ filter, words: { browse, fields, genders } }: { filter: Filter; words: Words }) {
  const label = 'grid gap-1.5 font-semibold'
  const age = { type: 'number', inputMode: 'numeric' as const, min: AGES.min, max: AGES.max, className: 'field font-normal' }
  return (
    <form
      action="/browse"
      role="search"
      aria-label={browse.filters}
      key={JSON.stringify(filter)}
      className="card grid grid-cols-2 items-end gap-3 p-4 sm:grid-cols-4 lg:grid-cols-[1fr_7rem_7rem_1.5fr_auto]"
    >
      <label className={`${label} max-sm:col-span-2`}>
        {fields.gender}
        <select name="gender" defaultValue={filter.gender} className="field font-normal">
          <option value="">{browse.anyone}</option>
          <option value="1">{genders[1]}</option>
          <option value="2">{genders[2]}</option>
          <option value="3">{genders[3]}</option>
        </select>
      </label>
      <label className={label}>
        {browse.from}
        <input name="minAge" defaultValue={filter.minAge || ''} {...age} />
      </label>
      <label className={label}>
        {browse.to}
        <input name="maxAge" defaultValue={filter.maxAge || ''} {...age} />
      </label>
      <label className={`${label} max-sm:col-span-2`}>
        {fields.city}
        <input name="city" defaultValue={filter.city} maxLength={100} className="field font-normal" />
      </label>
      <div className="col-span-full flex gap-2 lg:col-span-1">
        <button className="button-main max-sm:grow">{browse.apply}</button>
        <Link href="/browse" className="button-plain max-sm:grow">
          {browse.reset}
        </Link>
      </div>
    </form>
  )
}
