/** After the stack: this site, built, and the people whom its tests meet. */
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { buildSite } from '../../client/test/gateway/site'
import { settle, type Settled } from './people'

declare module 'vitest' {
  export interface ProvidedContext {
    people: Settled[]
  }
}

export const FOLDER = fileURLToPath(new URL('..', import.meta.url))

export default async function setup(project: TestProject) {
  const { endpoints } = project.getProvidedContext()
  const { HTTP = '', MEDIA = '' } = endpoints ?? {}
  await buildSite({ QUINTET_URL: HTTP, QUINTET_IMAGES: MEDIA }, FOLDER)
  project.provide('people', await settle(HTTP))
}
