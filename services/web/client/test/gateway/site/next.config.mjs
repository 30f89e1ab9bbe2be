import { withQuintet } from '@quintet/next/config'

export default withQuintet({ poweredByHeader: false })
