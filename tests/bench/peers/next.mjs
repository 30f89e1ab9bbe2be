// `next start` on the build of next/, in this process, as it runs of itself; only its chatter goes to stderr, and its end by
// SIGTERM (143) counts as the orderly one that it is.
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { host, port } from './lib/settings.mjs';

const require = createRequire(import.meta.url);
const POLL_MS = 50;
const START_LIMIT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;

process.stdout.write = process.stderr.write.bind(process.stderr);
process.on('exit', code => {
    if (code === 143)
        process.exitCode = 0;
});

process.env.PORT = '0';
process.argv.splice(1, process.argv.length, 'next', 'start', fileURLToPath(new URL('./next', import.meta.url)));
process.argv.push('--hostname', host, '--port', String(port), '--keepAliveTimeout', String(KEEP_ALIVE_MS));
require('next/dist/bin/next');

// Next.js writes the port that it listens on into PORT. It is ready when a first check has been answered, with the pool
// opened by instrumentation.js.
const until = Date.now() + START_LIMIT_MS;
for (;;) {
    const url = `http://${host}:${process.env.PORT}`;
    const answer = process.env.PORT === '0' ? null : await fetch(`${url}/check`, { method: 'POST' }).catch(() => null);
    if (answer?.ok) {
        await answer.arrayBuffer();
        writeSync(1, `ready ${url}\n`);
        break;
    }
    if (Date.now() > until) {
        process.stderr.write('next: not ready in time\n');
        process.exit(1);
    }
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
}
