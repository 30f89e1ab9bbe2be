import Link from 'next/link'
import { StatePage } from '@/components/state'
import { currentWords } from '@/lib/locale'

export default async function NotFound() {
  const { states, profile } = await currentWords()
  return (
    <StatePage title={states.notFoundTitle} lead={profile.missing}>
      <Link href="/browse" className="button-main">
        {profile.back}
      </Link>
    </StatePage>
  )
}
