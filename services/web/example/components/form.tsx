'use client'

import { useActionState, useId, type ComponentProps, type ReactNode } from 'react'
import { EMPTY_FORM, type FormState } from '@quintet/next/client'
import { fieldProblem, problem } from '@/lib/problems'
import { useWords } from './words'

/** A server action made by formAction. */
export type Action<Data> = (state: FormState<Data>, form: FormData) => Promise<FormState<Data>>

interface FormProps<Data> {
  action: Action<Data>
  submit: ReactNode
  /** Shown when it has worked; forms that go elsewhere need none. */
  done?: string
  className?: string
  submitClass?: string
  /** What stands beside the button. */
  beside?: ReactNode
  children: (state: FormState<Data>) => ReactNode
}

/** A form of the site: its fields, what went wrong as a whole, and its button. Works without JavaScript. */
export function Form<Data>({ action, submit, done, className = 'grid gap-5', submitClass = 'button-main', beside, children }: FormProps<Data>) {
  const [state, act, pending] = useActionState(action, EMPTY_FORM as Awaited<FormState<Data>>)
  const words = useWords()
  return (
    <form action={act} className={className} noValidate>
      {children(state)}
      {state.message !== undefined && <Notice bad>{problem(state, words)}</Notice>}
      {state.ok && done !== undefined && !pending && <Notice>{done}</Notice>}
      <div className="flex flex-wrap items-center gap-3">
        <button className={submitClass} disabled={pending} aria-busy={pending}>
          {submit}
        </button>
        {beside}
      </div>
    </form>
  )
}

export function Notice({ bad = false, children }: { bad?: boolean; children: ReactNode }) {
  return (
    <p role={bad ? 'alert' : 'status'} className={`rounded-xl px-4 py-3 ${bad ? 'bg-bad-wash text-bad' : 'bg-good-wash text-good'}`}>
      {children}
    </p>
  )
}

interface FieldProps extends Omit<ComponentProps<'input'>, 'defaultValue'> {
  name: string
  label: string
  hint?: string
  state: FormState<unknown>
  /** Before anything was typed. */
  initial?: string
  /** A field of several lines, or one to choose from. */
  rows?: number
  options?: readonly (readonly [value: string, label: string])[]
}

/** A labelled field, with what is wrong with it. */
export function Field({ name, label, hint, state, initial = '', rows, options, ...rest }: FieldProps) {
  const id = useId()
  const words = useWords()
  const wrong = fieldProblem(state, name, words)
  const value = state.values[name] ?? initial
  const common = {
    id,
    name,
    'aria-invalid': wrong !== undefined,
    'aria-describedby': [wrong !== undefined && `${id}-wrong`, hint !== undefined && `${id}-hint`].filter(Boolean).join(' ') || undefined,
    className: 'field',
    required: rest.required,
  }
  return (
    <div className="grid content-start gap-1.5">
      <label htmlFor={id} className="font-semibold">
        {label}
      </label>
      {rows !== undefined ? (
        <textarea {...common} key={value} rows={rows} defaultValue={value} />
      ) : options !== undefined ? (
        // React puts a select back to its first option after an action; by its key it is made anew, with what was chosen.
        <select {...common} key={value} defaultValue={value}>
          {options.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      ) : (
        <input {...rest} {...common} key={value} defaultValue={value} />
      )}
      {wrong !== undefined && (
        <p id={`${id}-wrong`} role="alert" className="text-bad">
          {wrong}
        </p>
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-sm text-soft">
          {hint}
        </p>
      )}
    </div>
  )
}
