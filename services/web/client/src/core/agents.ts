import * as http from 'node:http'
import * as https from 'node:https'

/**
 * The connections to the gateway: one agent a protocol in the whole process.
 *
 * `next dev` evaluates modules anew at each change, and a build may hold a module several times (pages, actions, proxy). What lies in a
 * module is then made again and again, and each agent would keep connections of its own. So it lies on globalThis, which all share: the
 * same trick that keeps one PrismaClient, in the one place where it is needed.
 */
const KEY = Symbol.for('quintet.next.agents.1')

/** Node's own for idle connections of its global agent is 5 s; the gateway keeps them for 6 s when it drains. */
const IDLE_MS = 4_000

type Agents = Map<string, http.Agent>

function agents(): Agents {
  const holder = globalThis as { [KEY]?: Agents }
  return (holder[KEY] ??= new Map())
}

export function agentFor(url: string, maxConnections: number): http.Agent {
  const protocol = new URL(url).protocol
  const all = agents()
  let agent = all.get(protocol)
  if (!agent) {
    const Agent = protocol === 'https:' ? https.Agent : http.Agent
    // Last in, first out: what is not needed falls idle and is closed.
    agent = new Agent({ keepAlive: true, maxSockets: maxConnections, timeout: IDLE_MS, scheduling: 'lifo' })
    all.set(protocol, agent)
  }
  agent.maxSockets = maxConnections
  return agent
}

/** Connections that are open now, in use or idle. */
export function openConnections(): number {
  const count = (of: NodeJS.ReadOnlyDict<unknown[]>) => Object.values(of).reduce((n, list) => n + (list?.length ?? 0), 0)
  return [...agents().values()].reduce((n, agent) => n + count(agent.sockets) + count(agent.freeSockets), 0)
}

/** Closes them; calls under way end as unavailable. The next call opens new ones. */
export function closeConnections(): void {
  for (const agent of agents().values()) agent.destroy()
  agents().clear()
}
