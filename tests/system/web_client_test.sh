#!/usr/bin/env bash
# @quintet/next: by itself, packed, against a gateway, and in a Next.js site that is built, started and visited.
exec services/web/test --exclude '**/frontends.test.ts'
