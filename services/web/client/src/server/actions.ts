import 'server-only'
import type { SetCookie } from '../core/cookies.js'
import { clientsOver, type Quintet } from '../core/clients.js'
import { text } from '../core/form.js'
import { sessionOf, userOf, type Session, type SessionAndUser, type User } from '../core/shapes.js'
import { nodeTransport } from '../core/transport.js'
import { currentCaller, passCookies } from './request.js'

/** For server actions and route handlers: these set cookies, and throw where none can be set. */

export interface SignInInput {
  email: string
  password: string
  /** Default true. False: the cookie ends with the browser, the session within a day. */
  rememberMe?: boolean | undefined
}

export interface SignUpInput extends SignInInput {
  name: string
  image?: string | undefined
  /** Where the link of a verification mail leads in the end. */
  callbackUrl?: string | undefined
}

/** From a form with fields `email`, `password` and, if it has one, a checkbox `rememberMe` beside a hidden `rememberMe=off`. */
export async function signIn(input: SignInInput | FormData): Promise<SessionAndUser> {
  const { email, password, rememberMe } = input instanceof FormData ? signInOf(input) : input
  const answer = await writing((q) => q.auth.signIn({ email, ...passwordOf(password), forgetMe: rememberMe === false }))
  return { session: sessionOf(answer.session!), user: userOf(answer.user!) }
}

/**
 * A new user, signed in. From a form with the fields of the above and `name`. Without a session where addresses are verified first
 * (QUINTET_AUTH_REQUIRE_EMAIL_VERIFICATION).
 */
export async function signUp(input: SignUpInput | FormData): Promise<{ session: Session | null; user: User }> {
  const { name, email, password, rememberMe, image, callbackUrl } =
    input instanceof FormData ? { ...signInOf(input), name: text(input, 'name'), image: undefined, callbackUrl: undefined } : input
  const answer = await writing((q) =>
    q.auth.signUp({
      name,
      email,
      ...passwordOf(password),
      forgetMe: rememberMe === false,
      image: image ?? '',
      callbackUrl: callbackUrl ?? '',
    }),
  )
  return { session: answer.session ? sessionOf(answer.session) : null, user: userOf(answer.user!) }
}

/** Ends the session and expires its cookies; whether there was one to end. */
export async function signOut(): Promise<boolean> {
  return (await writing((q) => q.auth.signOut({}))).ended
}

/** Keeps the session alive and sends its cookie again; null, and its cookies are expired, when it has gone. */
export async function refreshSession(): Promise<SessionAndUser | null> {
  const { session, user } = await writing((q) => q.auth.refreshSession({ disableRefresh: false }), { refresh: true })
  return session && user ? { session: sessionOf(session), user: userOf(user) } : null
}

export interface ChangePasswordInput {
  currentPassword: string
  newPassword: string
  /** All sessions end, and this browser gets a new one. */
  revokeOtherSessions?: boolean
}

export async function changePassword({ currentPassword, newPassword, revokeOtherSessions = false }: ChangePasswordInput): Promise<User> {
  const current = passwordOf(currentPassword)
  const next = passwordOf(newPassword)
  const answer = await writing((q) =>
    q.auth.changePassword({
      ...('password' in current ? { currentPassword: current.password } : { currentPasswordUtf8: current.passwordUtf8 }),
      ...('password' in next ? { newPassword: next.password } : { newPasswordUtf8: next.passwordUtf8 }),
      revokeOtherSessions,
    }),
  )
  return userOf(answer.user!)
}

/** Runs a call and hands its cookies on, also when it failed. */
async function writing<T>(call: (clients: Quintet) => Promise<T>, { refresh = false } = {}): Promise<T> {
  let set: SetCookie[] = []
  return call(
    clientsOver(
      nodeTransport({
        caller: currentCaller,
        onCookies: (cookies) => void (set = cookies),
        refresh,
      }),
    ),
  ).finally(() => passCookies(set, true))
}

function signInOf(form: FormData): SignInInput {
  const remember = form.getAll('rememberMe').at(-1)
  return {
    email: text(form, 'email').trim(),
    password: text(form, 'password'),
    rememberMe: remember === undefined ? undefined : remember !== 'off' && remember !== 'false' && remember !== '',
  }
}

/** The contract's strings hold no U+0000; a password may, and then travels as bytes. */
function passwordOf(password: string): { password: string } | { passwordUtf8: Uint8Array<ArrayBuffer> } {
  return password.includes('\0') ? { passwordUtf8: new TextEncoder().encode(password) } : { password }
}
