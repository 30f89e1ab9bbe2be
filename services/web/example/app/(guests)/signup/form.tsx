'use client'

import { join } from '@/app/actions'
import { Field, Form } from '@/components/form'
import { useWords } from '@/components/words'

export function SignUpForm() {
  const { fields, signUp } = useWords()
  return (
    <Form action={join} submit={signUp.submit}>
      {(state) => (
        <>
          <Field name="name" label={fields.name} state={state} autoComplete="name" maxLength={100} required />
          <Field name="email" type="email" label={fields.email} state={state} autoComplete="username" required />
          <Field name="password" type="password" label={fields.password} hint={signUp.passwordHint} state={state} autoComplete="new-password" required />
        </>
      )}
    </Form>
  )
}
