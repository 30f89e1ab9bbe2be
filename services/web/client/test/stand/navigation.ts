export class Redirected extends Error {
  constructor(readonly to: string) {
    super(`redirected to ${to}`)
  }
}
export function redirect(to: string): never {
  throw new Redirected(to)
}
