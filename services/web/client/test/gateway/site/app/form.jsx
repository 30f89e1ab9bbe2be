'use client'

import { useActionState } from 'react'
import { EMPTY_FORM } from '@quintet/next/client'

export function Form({ action, names, label }) {
  const [state, act] = useActionState(action, EMPTY_FORM)
  return (
    <form action={act} id={label}>
      {names.map((name) => (
        <p key={name}>
          <input name={name} defaultValue={state.values[name]} />
          <em id={`error-${name}`}>{state.fields[name]}</em>
        </p>
      ))}
      <output>{state.data ?? state.message}</output>
      <button>{label}</button>
    </form>
  )
}
