// src/gen: TypeScript from the .proto files that clients may call, by protoc and its plugin protoc-gen-es.
//
//   QUINTET_PROTO=DIR npm run generate       where they lie, if not in this repository's proto/
//
// rpc.proto is there for ErrorDetail alone. Nothing generated is committed.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const proto = resolve(process.env.QUINTET_PROTO ?? join(here, '../../../proto'))
const out = join(here, 'src/gen')
const files = ['auth.proto', 'profile.proto', 'media.proto', 'options.proto', 'rpc.proto']

const plugin = createRequire(import.meta.url).resolve('@bufbuild/protoc-gen-es/package.json')
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
execFileSync(
  'protoc',
  [
    `--plugin=protoc-gen-es=${join(dirname(plugin), 'bin/protoc-gen-es')}`,
    `--proto_path=${proto}`,
    `--es_out=${out}`,
    '--es_opt=target=ts,import_extension=js',
    ...files,
  ],
  // The plugin is a script that looks for `node`: the one that runs this.
  { stdio: 'inherit', env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` } },
)
