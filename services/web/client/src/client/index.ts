/** For the browser. Sign-in and sign-out: server actions, or Better Auth's own createAuthClient, whose /api/auth is here. */
export { quintetBrowser, type BrowserOptions } from './clients.js'
export { PHOTO_MAX_BYTES, PHOTO_TYPES, uploadPhoto, type UploadOptions, type UploadProgress } from './upload.js'
export { isQuintetError, QuintetError } from '../core/errors.js'
export { EMPTY_FORM, type FormState } from '../core/form.js'
export { plain, type Photo } from '../core/plain.js'
export { Gender } from '../gen/profile_pb.js'
