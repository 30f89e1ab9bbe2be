/** Where the gateway's two faces appear under the site's own origin. */
export const AUTH_PATH = '/api/auth'
export const CONNECT_PATH = '/api/quintet'

/**
 * The services that a browser calls by Connect. Not auth: sign-in from browsers goes by /api/auth, and by server actions, where rate limits
 * know the person (services/gateway/README.md).
 */
const FOR_BROWSERS = ['quintet.media.v1.MediaService', 'quintet.profile.v1.ProfileService']

/** Sources and destinations of the rewrites, in the pattern language of Next's `rewrites`. */
export function rewritesTo(url: string, authPath: string | false = AUTH_PATH): { source: string; destination: string }[] {
  return [
    ...(authPath === false ? [] : [{ source: `${authPath}/:path*`, destination: `${url}${authPath}/:path*` }]),
    ...FOR_BROWSERS.map((service) => ({ source: `${CONNECT_PATH}/${service}/:method`, destination: `${url}/${service}/:method` })),
  ]
}

/** The same for one request: the gateway's path, or undefined when it is none of ours. */
export function gatewayPath(path: string, authPath: string | false = AUTH_PATH): string | undefined {
  if (authPath !== false && path.startsWith(`${authPath}/`)) return path
  const [service = '', method = '', ...more] = path.startsWith(`${CONNECT_PATH}/`) ? path.slice(CONNECT_PATH.length + 1).split('/') : []
  return FOR_BROWSERS.includes(service) && /^\w+$/.test(method) && more.length === 0 ? `/${service}/${method}` : undefined
}
