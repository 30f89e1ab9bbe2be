import { withQuintet } from '@quintet/next/config'

export default withQuintet({
  poweredByHeader: false,
  // So that the site can run while its tests build it anew (services/web/run).
  distDir: process.env.SITE_DIST ?? '.next',
  // A picture that a browser without JavaScript posts comes through here; ten MiB, as the media service takes, and the form around it.
  experimental: { serverActions: { bodySizeLimit: '11mb' } },
})
