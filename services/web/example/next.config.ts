import { withQuintet } from '@quintet/next/config'

export default withQuintet({
  poweredByHeader: false,
  // A picture that a browser without JavaScript posts comes through here; ten MiB, as the media service takes, and the form around it.
  experimental: { serverActions: { bodySizeLimit: '11mb' } },
})
