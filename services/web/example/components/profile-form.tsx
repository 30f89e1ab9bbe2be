'use client'

import type { ReactNode } from 'react'
import { saveProfile } from '@/app/actions'
import { Field, Form } from './form'
import { useWords } from './words'

export type ProfileValues = Record<'displayName' | 'birthDate' | 'gender' | 'city' | 'bio', string>

interface Props {
  values: ProfileValues
  /** Which fields: a step of the wizard has some, the settings have all. */
  part: 'about' | 'bio' | 'all'
  next?: 'bio' | 'photos'
  submit: string
  beside?: ReactNode
}

export function ProfileForm({ values, part, next, submit, beside }: Props) {
  const words = useWords()
  return (
    <Form action={saveProfile} submit={submit} done={words.settings.saved} beside={beside}>
      {(state) => (
        <>
          {next !== undefined && <input type="hidden" name="next" value={next} />}
          {part !== 'bio' && (
            <>
              <Field name="displayName" label={words.fields.displayName} hint={words.hints.displayName} state={state} initial={values.displayName} autoComplete="given-name" maxLength={50} required />
              <div className="grid gap-5 sm:grid-cols-2">
                <Field name="birthDate" type="date" label={words.fields.birthDate} hint={words.hints.birthDate} state={state} initial={values.birthDate} autoComplete="bday" required />
                <Field name="gender" label={words.fields.gender} options={Object.entries(words.genders)} state={state} initial={values.gender} required />
              </div>
              <Field name="city" label={words.fields.city} state={state} initial={values.city} autoComplete="address-level2" maxLength={100} required />
            </>
          )}
          {part !== 'about' && <Field name="bio" label={words.fields.bio} hint={words.hints.bio} rows={7} state={state} initial={values.bio} required />}
        </>
      )}
    </Form>
  )
}
