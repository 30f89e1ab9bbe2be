/** Stands between the site and the gateway, byte for byte: counts what passes, and can be taken away. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

export class Relay {
  #server: Server | undefined
  #sockets = new Set<Socket>()
  port = 0
  connections = 0
  /** Most at once. */
  peak = 0
  /** Requests by path, as they passed. */
  readonly paths: string[] = []

  constructor(readonly target: URL) {}

  get url() {
    return `http://127.0.0.1:${this.port}`
  }

  async open() {
    this.#server = createServer((near) => {
      this.connections++
      const far = connect(Number(this.target.port), this.target.hostname)
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => socket.destroy())
        socket.on('close', () => this.#sockets.delete(socket))
      }
      this.peak = Math.max(this.peak, this.#sockets.size / 2) // two sockets each
      near.on('data', (chunk: Buffer) => {
        const path = /^(?:POST|GET) (\S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1'))?.[1]
        if (path) this.paths.push(path)
      })
      near.pipe(far).pipe(near)
    })
    await new Promise<void>((resolve) => this.#server!.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as AddressInfo).port
  }

  async close() {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server!.close(resolve))
  }
}
