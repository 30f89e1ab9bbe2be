'use server'

import { redirect } from 'next/navigation'
import { changePassword, formAction, getSession, quintet, signIn, signOut, signUp, text } from '@quintet/next/server'

export const enter = formAction(async (form) => {
  await signIn(form)
  // What an action has set counts at once.
  const session = await getSession()
  redirect(`/?as=${session?.user.name ?? 'nobody'}`)
})

export const join = formAction(async (form) => {
  await signUp(form)
  redirect('/browse')
})

export const rename = formAction(async (form) => {
  await quintet().auth.updateUser({ name: text(form, 'name'), updateMask: ['name'] })
  return 'renamed'
})

export const repassword = formAction(async (form) => {
  await changePassword({ currentPassword: text(form, 'old'), newPassword: text(form, 'new'), revokeOtherSessions: true })
  return 'changed'
})

export async function leave() {
  await signOut()
  redirect('/signin')
}
