import { Shade } from '@/components/state'
import { currentWords } from '@/lib/locale'

export default async function Loading() {
  const { states } = await currentWords()
  return (
    <div className="grid gap-6 md:grid-cols-2 md:gap-10" role="status" aria-label={states.loading}>
      <Shade className="aspect-4/5" />
      <div className="grid content-start gap-4">
        <Shade className="h-12 w-2/3" />
        <Shade className="h-6 w-1/2" />
        <Shade className="h-48" />
      </div>
    </div>
  )
}
