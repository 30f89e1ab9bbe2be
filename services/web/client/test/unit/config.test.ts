import type { NextConfig } from 'next'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withQuintet } from '../../src/config/index.js'
import { gatewayPath } from '../../src/core/paths.js'
import { readSettings } from '../../src/core/settings.js'

afterEach(() => vi.unstubAllEnvs())

const OURS = [
  { source: '/api/auth/:path*', destination: 'http://quintet:8080/api/auth/:path*' },
  {
    source: '/api/quintet/quintet.media.v1.MediaService/:method',
    destination: 'http://quintet:8080/quintet.media.v1.MediaService/:method',
  },
  {
    source: '/api/quintet/quintet.profile.v1.ProfileService/:method',
    destination: 'http://quintet:8080/quintet.profile.v1.ProfileService/:method',
  },
]

describe('rewrites', () => {
  const url = 'http://quintet:8080'
  beforeEach(() => void vi.stubEnv('QUINTET_URL', `${url}/`))

  test('of a site without any', async () => {
    expect(await withQuintet({}).rewrites?.()).toEqual(OURS)
  })

  test('go before a list', async () => {
    const catchAll = { source: '/:path*', destination: 'https://old.example/:path*' }
    expect(await withQuintet({ rewrites: async () => [catchAll] }).rewrites?.()).toEqual([...OURS, catchAll])
  })

  test('go before all, where there are three lists', async () => {
    const theirs = { beforeFiles: [{ source: '/a', destination: '/b' }], afterFiles: [], fallback: [] }
    expect(await withQuintet({ rewrites: async () => theirs }).rewrites?.()).toEqual({ ...theirs, beforeFiles: [...OURS, ...theirs.beforeFiles] })
  })

  test("leave Better Auth's endpoints where they are, or elsewhere, when told to", async () => {
    expect(await withQuintet({}, { authPath: false }).rewrites?.()).toEqual(OURS.slice(1))
    expect(await withQuintet({}, { authPath: '/auth' }).rewrites?.()).toContainEqual({ source: '/auth/:path*', destination: `${url}/auth/:path*` })
    expect(gatewayPath('/api/auth/ok', false)).toBeUndefined()
    expect(gatewayPath('/auth/ok', '/auth')).toBe('/auth/ok')
  })

  test('a configuration by function', async () => {
    const config = withQuintet(async (phase) => ({ distDir: phase }))
    const made = await config('phase-x', { defaultConfig: {} })
    expect(made.distDir).toBe('phase-x')
    expect(await made.rewrites?.()).toEqual(OURS)
  })
})

describe('images', () => {
  const imagesOf = (options: Parameters<typeof withQuintet>[1], config: NextConfig = {}) => withQuintet(config, options).images

  test('from an argument, beside those of the site', () => {
    const own = { protocol: 'https', hostname: 'cdn.example' } as const
    expect(imagesOf({ images: ['https://photos.example.com', 'https://x.example:444/b/'] }, { images: { remotePatterns: [own], qualities: [50] } })).toEqual({
      qualities: [50],
      remotePatterns: [
        own,
        { protocol: 'https', hostname: 'photos.example.com', port: '', pathname: '/**' },
        { protocol: 'https', hostname: 'x.example', port: '444', pathname: '/b/**' },
      ],
    })
  })

  test('from the environment', () => {
    vi.stubEnv('QUINTET_IMAGES', ' https://a.example , http://127.0.0.1:8081')
    expect(imagesOf({})).toEqual({
      remotePatterns: [
        { protocol: 'https', hostname: 'a.example', port: '', pathname: '/**' },
        { protocol: 'http', hostname: '127.0.0.1', port: '8081', pathname: '/**' },
      ],
      dangerouslyAllowLocalIP: true,
    })
  })

  test.each([
    'http://127.0.0.1:1', 'http://10.1.2.3', 'http://192.168.0.9', 'http://172.20.0.1', 'http://169.254.1.1',
    'http://100.64.0.1', 'http://localhost:81', 'http://minio:9000', 'http://[::1]', 'http://[fd00::1]',
    'http://[fe80::1]', 'http://pics.internal', 'http://nas.local',
  ])(
    '%s is local: the optimiser must be told',
    (images) => {
      expect(imagesOf({ images })).toHaveProperty('dangerouslyAllowLocalIP', true)
    },
  )

  test.each([
    'https://photos.example.com', 'https://172.32.0.1', 'https://100.128.0.1', 'https://10.example.com',
    'https://[2001:db8::1]', 'https://localhost.example',
  ])(
    '%s is not',
    (images) => {
      expect(imagesOf({ images })).not.toHaveProperty('dangerouslyAllowLocalIP')
    },
  )

  test('a name that resolves to a private address is said to be local by hand', () => {
    expect(imagesOf({ images: 'https://photos.example.com', allowLocalImages: true })).toHaveProperty('dangerouslyAllowLocalIP', true)
    expect(imagesOf({ images: 'http://localhost', allowLocalImages: false })).not.toHaveProperty('dangerouslyAllowLocalIP')
    vi.stubEnv('QUINTET_IMAGES_LOCAL', 'true')
    expect(imagesOf({ images: 'https://photos.example.com' })).toHaveProperty('dangerouslyAllowLocalIP', true)
  })
})

describe('a bad setting is told by its name', () => {
  test.each([
    ['QUINTET_URL', 'quintet:8080'],
    ['QUINTET_URL', 'http://quintet/api'],
    ['QUINTET_CLIENT_TIMEOUT_MS', '5s'],
    ['QUINTET_CLIENT_TIMEOUT_MS', '60001'],
    ['QUINTET_CLIENT_CONNECTIONS', '0'],
  ])('%s=%s', (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}: must be`)
  })

  test.each([
    ['QUINTET_IMAGES', 'photos.example.com'],
    ['QUINTET_IMAGES', 'https://a.example,ftp://b.example'],
    ['QUINTET_IMAGES_LOCAL', 'yes'],
  ])('%s=%s', (name, value) => {
    vi.stubEnv(name, value)
    expect(() => withQuintet({})).toThrow(new RegExp(`^${name} `))
  })
})

describe('what a browser may reach of the gateway', () => {
  test.each([
    ['/api/auth/get-session', '/api/auth/get-session'],
    ['/api/auth/reset-password/abc', '/api/auth/reset-password/abc'],
    ['/api/quintet/quintet.media.v1.MediaService/CreateUpload', '/quintet.media.v1.MediaService/CreateUpload'],
    ['/api/quintet/quintet.profile.v1.ProfileService/ListProfiles', '/quintet.profile.v1.ProfileService/ListProfiles'],
  ])('%s', (path, expected) => {
    expect(gatewayPath(path)).toBe(expected)
  })

  // Sign-in by Connect through the site would be counted under the site's own address, that is, not at all.
  test.each([
    '/api/quintet/quintet.auth.v1.AuthService/SignIn', '/api/quintet/quintet.store.v1.AccountStore/GetUser',
    '/api/quintet/healthz', '/api/quintet/quintet.media.v1.MediaService/../x', '/api/quintet/', '/api/authors',
    '/healthz', '/',
  ])(
    'not %s',
    (path) => {
      expect(gatewayPath(path)).toBeUndefined()
    },
  )
})
