/** A server of the test's own in the gateway's place, where a fault is wanted that a healthy gateway does not have. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface Seen {
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
}

export interface TestServer {
  url: string
  seen: Seen[]
  /** Connections that were made to it. */
  connections: () => number
  close: () => Promise<void>
}

export type Answer = (seen: Seen, response: ServerResponse, count: number) => void

export async function serve(answer: Answer): Promise<TestServer> {
  const seen: Seen[] = []
  const sockets = new Set<Socket>()
  let made = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks) }
      seen.push(one)
      answer(one, response, seen.length)
    })
  })
  server.on('connection', (socket) => {
    made++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    connections: () => made,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An answer of the Connect protocol: an empty message in binary. */
export function empty(response: ServerResponse, headers: Record<string, string | string[]> = {}) {
  response.writeHead(200, { 'content-type': 'application/proto', ...headers }).end()
}

export function failure(response: ServerResponse, status: number, error: object, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(error))
}
