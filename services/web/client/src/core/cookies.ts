/** A Set-Cookie value in the shape of Next's `cookies().set(name, value, options)`. */
export interface SetCookie {
  name: string
  /** Decoded: Next encodes it again. */
  value: string
  options: {
    path?: string
    domain?: string
    /** Seconds; 0 expires it. Missing: it ends with the browser. */
    maxAge?: number
    expires?: Date
    httpOnly?: boolean
    secure?: boolean
    sameSite?: 'lax' | 'strict' | 'none'
    partitioned?: boolean
  }
}

/** Those of an answer, in order. */
export function setCookiesOf(header: Headers): SetCookie[] {
  return header.getSetCookie().flatMap((line) => parseSetCookie(line) ?? [])
}

/** RFC 6265, section 5.2, as browsers read it; undefined for what they ignore. */
export function parseSetCookie(line: string): SetCookie | undefined {
  const [pair = '', ...attributes] = line.split(';')
  const [name, value] = cut(pair)
  if (!name || value === undefined) return undefined
  const options: SetCookie['options'] = {}
  for (const attribute of attributes) {
    const [key, text = ''] = cut(attribute)
    switch (key.toLowerCase()) {
      case 'path':
        options.path = text
        break
      case 'domain':
        options.domain = text
        break
      case 'max-age':
        if (/^-?\d{1,10}$/.test(text)) options.maxAge = Math.max(0, Number(text))
        break
      case 'expires':
        if (!Number.isNaN(Date.parse(text))) options.expires = new Date(text)
        break
      case 'httponly':
        options.httpOnly = true
        break
      case 'secure':
        options.secure = true
        break
      case 'partitioned':
        options.partitioned = true
        break
      case 'samesite': {
        const site = text.toLowerCase()
        if (site === 'lax' || site === 'strict' || site === 'none') options.sameSite = site
        break
      }
    }
  }
  return { name, value: decoded(value), options }
}

function cut(pair: string): [string, string | undefined] {
  const equals = pair.indexOf('=')
  return equals < 0 ? [pair.trim(), undefined] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value // a percent sign that is meant
  }
}
