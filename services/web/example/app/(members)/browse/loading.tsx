import { Shade } from '@/components/state'
import { currentWords } from '@/lib/locale'

export default async function Loading() {
  const { states } = await currentWords()
  return (
    <div className="grid gap-6" role="status" aria-label={states.loading}>
      <Shade className="h-11 w-56" />
      <Shade className="h-28" />
      <div className="grid grid-cols-2 gap-3 sm:gap-5 md:grid-cols-3 lg:grid-cols-4">
        {Array.from({ length: 8 }, (_, index) => (
          <Shade key={index} className="aspect-3/4" />
        ))}
      </div>
    </div>
  )
}
