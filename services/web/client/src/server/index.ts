import 'server-only'

export { changePassword, refreshSession, signIn, signOut, signUp, type ChangePasswordInput, type SignInInput, type SignUpInput } from './actions.js'
export {
  getSession,
  getSessionWithProfileCheck,
  quintet,
  requireCompleteProfile,
  requireSession,
  type RedirectOptions,
} from './session.js'
export type { Quintet } from '../core/clients.js'
export { isQuintetError, QuintetError } from '../core/errors.js'
export { EMPTY_FORM, formAction, formFailure, text, type FormState } from '../core/form.js'
export { plain, type Photo, type Plain } from '../core/plain.js'
export type { MissingField, ProfileCheck, Session, SessionAndUser, User } from '../core/shapes.js'
export { Gender } from '../gen/profile_pb.js'
