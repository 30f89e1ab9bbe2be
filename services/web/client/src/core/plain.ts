import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import type { Photo as PhotoMessage } from '../gen/media_pb.js'

/** A message as a plain object, as React passes it to client components: times as Date, 64-bit numbers as number. */
export type Plain<T> = {
  [K in Exclude<keyof T, '$typeName' | '$unknown'>]: [T[K]] extends [bigint] ? number : [T[K]] extends [Timestamp | undefined] ? Date : T[K]
}

export type Photo = Plain<PhotoMessage>

/** A message's fields; of its own fields only, not of the messages within. */
export function plain<T extends object>(message: T): Plain<T> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(message)) {
    if (key === '$typeName' || key === '$unknown') continue
    out[key] = typeof value === 'bigint' ? Number(value) : isTimestamp(value) ? timestampDate(value) : value
  }
  return out as Plain<T>
}

function isTimestamp(value: unknown): value is Timestamp {
  return typeof value === 'object' && value !== null && '$typeName' in value && value.$typeName === 'google.protobuf.Timestamp'
}

/** "birth_date" → "birthDate": what a .proto's field is called in TypeScript. */
export function camelCase(field: string): string {
  return field.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
