import type { FormState } from '@quintet/next'
import { fill, type Words } from './words'

type Told = Pick<FormState, 'code' | 'reason' | 'retryAfterMs'>

/** What went wrong with a form as a whole, in the visitor's language: by the reason, which is stable, else by the code. */
export function problem({ code, reason, retryAfterMs }: Told, words: Words): string {
  const { problems } = words
  if (reason !== undefined && reason in problems) return problems[reason as keyof typeof problems]
  if (code === 'resource_exhausted') return fill(problems.busy, { seconds: Math.max(1, Math.ceil((retryAfterMs ?? 1000) / 1000)) })
  if (code === 'unavailable' || code === 'deadline_exceeded') return problems.unavailable
  if (code === 'unauthenticated') return problems.signedOut
  return problems.other
}

/** What is wrong with a field; undefined when nothing is. */
export function fieldProblem(state: FormState<unknown>, field: string, words: Words): string | undefined {
  if (state.fields[field] === undefined) return undefined
  const { problems } = words
  if (state.reason !== undefined && state.reason in problems) return problems[state.reason as keyof typeof problems]
  return field in problems ? problems[field as keyof typeof problems] : problems.field
}
