import type { Transport } from '@connectrpc/connect'
import { toQuintetError } from './errors.js'
import { isRead } from './retry.js'

/** Around the transport, not in an interceptor: Connect judges deadlines after the last of those. */
export function failingWithOurErrors(transport: Transport): Transport {
  return {
    async unary(method, ...rest) {
      try {
        return await transport.unary(method, ...rest)
      } catch (error) {
        throw toQuintetError(error, isRead(method))
      }
    },
    stream: (...all) => transport.stream(...all), // there are no streams in our contracts
  }
}
