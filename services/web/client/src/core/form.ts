import { type QuintetCode, QuintetError, type QuintetReason } from './errors.js'
import { camelCase } from './plain.js'

/** What a form shows after its action: made for `useActionState`, plain data all through. */
export interface FormState<Data = undefined> {
  /** Undefined before the first try. */
  ok?: boolean
  /** What the action returned. */
  data?: Data
  /** For the form as a whole; empty when the fields say it all. */
  message?: string
  /** What is wrong with a field, by its name in camelCase: `state.fields.birthDate`. */
  fields: Record<string, string>
  /** What was typed, to be filled in again; never a password. */
  values: Record<string, string>
  code?: QuintetCode
  reason?: QuintetReason
  /** Overload and rate limits: when to try again. */
  retryAfterMs?: number
  /** To be quoted to whoever looks into the logs. */
  requestId?: string
}

export const EMPTY_FORM: FormState<never> = { fields: {}, values: {} }

/** Reasons that blame a field without naming it. */
const FIELD_OF_REASON: Partial<Record<string, string>> = {
  INVALID_EMAIL: 'email',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'email',
  EMAIL_IS_THE_SAME: 'newEmail',
  PASSWORD_TOO_SHORT: 'password',
  PASSWORD_TOO_LONG: 'password',
  INVALID_PASSWORD: 'password',
}

/** A failed call as a form shows it. `form`: what was posted. */
export function formFailure(error: QuintetError, form?: FormData): FormState<never> {
  const fields: Record<string, string> = {}
  for (const { field, description } of error.violations) fields[camelCase(field)] ??= description
  const blamed = error.reason === undefined ? undefined : FIELD_OF_REASON[error.reason]
  if (blamed !== undefined && error.violations.length === 0) fields[blamed] = error.message
  return {
    ok: false,
    fields,
    values: form ? typedValues(form) : {},
    code: error.code,
    ...(Object.keys(fields).length === 0 && { message: error.message }),
    ...(error.reason !== undefined && { reason: error.reason }),
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    ...(error.requestId !== undefined && { requestId: error.requestId }),
  }
}

/**
 * A server action for `useActionState` from a function over the posted form. What it returns becomes `data`; a QuintetError becomes the
 * state; all else goes on up, `redirect()` included.
 *
 *     'use server'
 *     export const saveProfile = formAction(async (form) => {
 *       await quintet().profile.updateProfile({ city: text(form, 'city'), updateMask: ['city'] })
 *     })
 */
export function formAction<Data = undefined>(
  act: (form: FormData) => Promise<Data>,
): (state: FormState<Data>, form: FormData) => Promise<FormState<Data>> {
  return async (_state, form) => {
    try {
      return { ok: true, data: await act(form), fields: {}, values: {} }
    } catch (error) {
      if (error instanceof QuintetError) return formFailure(error, form)
      throw error
    }
  }
}

/** A text field of a form; empty when there is none. */
export function text(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value : ''
}

function typedValues(form: FormData): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, value] of form)
    if (typeof value === 'string' && !/password|token|^\$/i.test(name)) values[name] = value
  return values
}
