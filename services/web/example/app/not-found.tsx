import Link from 'next/link'
import { StatePage } from '@/components/state'
import { currentWords } from '@/lib/locale'

export default async function NotFound() {
  const { states } = await currentWords()
  return (
    <StatePage title={states.notFoundTitle} lead={states.notFoundLead}>
      <Link href="/" className="button-main">
        {states.home}
      </Link>
    </StatePage>
  )
}
