import { StatePage } from '@/components/state'
import { currentWords } from '@/lib/locale'
import { AgainSoon } from './again'

/** What the proxy shows in place of a guarded page while Quintet cannot be asked; the address stays that of the page. */
export default async function Page() {
  const { states } = await currentWords()
  return (
    <StatePage title={states.awayTitle} lead={states.awayLead}>
      {/* To where one is: without JavaScript a link, with it every few seconds by itself. */}
      <a href="" className="button-main">
        {states.retry}
      </a>
      <AgainSoon />
    </StatePage>
  )
}
