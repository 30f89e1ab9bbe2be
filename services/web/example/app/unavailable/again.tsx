'use client'

import { useEffect } from 'react'

const EVERY_MS = 3000

/** Asks for the page anew until it is another one. */
export function AgainSoon() {
  useEffect(() => {
    const timer = setTimeout(() => location.reload(), EVERY_MS)
    return () => clearTimeout(timer)
  }, [])
  return null
}
