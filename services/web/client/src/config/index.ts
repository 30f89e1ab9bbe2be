import type { NextConfig } from 'next'
import { AUTH_PATH, rewritesTo } from '../core/paths.js'
import { readSettings } from '../core/settings.js'

export interface WithQuintetOptions {
  /** Where pictures are read, a URL each, a path if they all lie below it. Default: QUINTET_IMAGES, comma-separated. */
  images?: string | readonly string[]
  /**
   * Next 16 optimises no picture of a host that resolves to a private address. True allows it, for all hosts of `remotePatterns`: right
   * where the media host is on this machine or in this network. Default: QUINTET_IMAGES_LOCAL, else whether the name of an image host
   * shows that it must be so.
   */
  allowLocalImages?: boolean
  /**
   * Where Better Auth's endpoints are, as the path of BETTER_AUTH_URL; default `/api/auth`. False: they stay with the Better Auth server
   * that the site has.
   */
  authPath?: string | false
}

type ConfigFunction = (phase: string, context: { defaultConfig: NextConfig }) => NextConfig | Promise<NextConfig>
type Rewrites = Awaited<ReturnType<NonNullable<NextConfig['rewrites']>>>

/**
 * next.config.ts: `export default withQuintet(nextConfig)`. Nothing is asked of anybody, so `next build` needs no Quintet.
 */
export function withQuintet(config: NextConfig, options?: WithQuintetOptions): NextConfig
export function withQuintet(config: ConfigFunction, options?: WithQuintetOptions): ConfigFunction
export function withQuintet(config: NextConfig | ConfigFunction, options: WithQuintetOptions = {}): NextConfig | ConfigFunction {
  if (typeof config === 'function') return async (phase, context) => extended(await config(phase, context), options)
  return extended(config, options)
}

function extended(config: NextConfig, options: WithQuintetOptions): NextConfig {
  const { url } = readSettings()
  const hosts = imageUrls(options.images ?? process.env.QUINTET_IMAGES ?? '')
  const local = options.allowLocalImages ?? saidInEnvironment('QUINTET_IMAGES_LOCAL') ?? hosts.some(isLocal)
  return {
    ...config,
    env: { ...config.env, QUINTET_BUILT_URL: url },
    rewrites: async () => joined(await config.rewrites?.(), rewritesTo(url, options.authPath ?? AUTH_PATH)),
    images: {
      ...config.images,
      remotePatterns: [...(config.images?.remotePatterns ?? []), ...hosts.map(patternOf)],
      ...(local && { dangerouslyAllowLocalIP: true }),
    },
  }
}

/** Ours first: a site's catch-all rewrite must not swallow them. */
function joined(theirs: Rewrites | undefined, ours: ReturnType<typeof rewritesTo>): Rewrites {
  if (theirs === undefined || Array.isArray(theirs)) return [...ours, ...(theirs ?? [])]
  return { ...theirs, beforeFiles: [...ours, ...(theirs.beforeFiles ?? [])] }
}

function imageUrls(given: string | readonly string[]): URL[] {
  const list = typeof given === 'string' ? given.split(',') : given
  return list
    .map((text) => text.trim())
    .filter(Boolean)
    .map((text) => {
      const url = URL.canParse(text) ? new URL(text) : undefined
      if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
        throw new Error(`QUINTET_IMAGES has ${JSON.stringify(text)}: must be URLs such as https://photos.example.com, comma-separated`)
      return url
    })
}

/** Without `search`, so that presigned URLs of a private bucket match too. */
function patternOf(url: URL) {
  return {
    protocol: url.protocol.slice(0, -1) as 'http' | 'https',
    hostname: url.hostname,
    port: url.port,
    pathname: `${url.pathname.replace(/\/$/, '')}/**`,
  }
}

/** By its name alone: addresses that are private or this machine's, names without a dot (of containers), and names reserved for such. */
function isLocal({ hostname }: URL): boolean {
  return (
    /^(?:127|10|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.[\d.]+$/.test(hostname) ||
    /^\[(?:::1|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*)\]$/.test(hostname) ||
    !hostname.includes('.') && !hostname.startsWith('[') ||
    /\.(?:localhost|local|internal|lan|home\.arpa)$/.test(hostname)
  )
}

function saidInEnvironment(name: string): boolean | undefined {
  const text = process.env[name]
  if (text === undefined || text === '') return undefined
  if (text !== 'true' && text !== 'false') throw new Error(`${name} is ${JSON.stringify(text)}: must be true or false`)
  return text === 'true'
}
