/** What server and browser share: errors, forms, shapes, the messages of the contracts. */
export {
  isQuintetError,
  QuintetError,
  type FieldViolation,
  type QuintetCode,
  type QuintetReason,
} from './core/errors.js'
export { EMPTY_FORM, formFailure, text, type FormState } from './core/form.js'
export type { MissingField, ProfileCheck, Session, SessionAndUser, User } from './core/shapes.js'
export { plain, type Photo, type Plain } from './core/plain.js'
export { Gender } from './gen/profile_pb.js'
export type { ListProfilesResponse, Photo as ProfilePhoto, Profile } from './gen/profile_pb.js'
