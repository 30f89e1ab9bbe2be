// TLS in front of a port of this machine, until its standard input is closed: what comes in is deciphered and passed on. Prints its port,
// a line.
//
//   node tls.mjs --to PORT --cert FILE --key FILE
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { parseArgs } from 'node:util';

const { values: set } = parseArgs({
    options: { to: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' } },
});
const server = tls.createServer({ cert: readFileSync(set.cert), key: readFileSync(set.key) }, (near) => {
    const far = net.connect(Number(set.to), '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const [one, other] of [
        [near, far],
        [far, near],
    ])
        one.on('error', () => other.destroy());
});
server.on('tlsClientError', () => {}); // those who do not trust us hang up
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
