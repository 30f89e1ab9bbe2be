'use client'

import { changePassword, deleteAccount } from '@/app/actions'
import { Field, Form } from '@/components/form'
import { useWords } from '@/components/words'

export function PasswordForm() {
  const { fields, settings, signUp } = useWords()
  return (
    <Form action={changePassword} submit={settings.change} done={settings.changed}>
      {(state) => (
        <>
          <Field name="currentPassword" type="password" label={fields.currentPassword} state={state} autoComplete="current-password" required />
          <Field name="newPassword" type="password" label={fields.newPassword} hint={signUp.passwordHint} state={state} autoComplete="new-password" required />
        </>
      )}
    </Form>
  )
}

export function DeleteForm() {
  const { settings } = useWords()
  return (
    <Form action={deleteAccount} submit={settings.delete} submitClass="button-bad">
      {(state) => <Field name="password" type="password" label={settings.confirm} state={state} autoComplete="current-password" required />}
    </Form>
  )
}
