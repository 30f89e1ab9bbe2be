'use client'

import { enter } from '@/app/actions'
import { Field, Form } from '@/components/form'
import { useWords } from '@/components/words'

export function SignInForm() {
  const { fields, signIn } = useWords()
  return (
    <Form action={enter} submit={signIn.submit}>
      {(state) => (
        <>
          <Field name="email" type="email" label={fields.email} state={state} autoComplete="username" required />
          <Field name="password" type="password" label={fields.password} state={state} autoComplete="current-password" required />
          <label className="flex min-h-11 items-center gap-3">
            <input type="hidden" name="rememberMe" value="off" />
            <input type="checkbox" name="rememberMe" value="on" defaultChecked className="size-5 accent-accent" />
            {signIn.remember}
          </label>
        </>
      )}
    </Form>
  )
}
