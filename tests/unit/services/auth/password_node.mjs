// What Better Auth's side makes of our passwords: a line each on stdin, on stdout "ok" or what is wrong.
//   nfkc <text in hex> <our normal form in hex>
//   hash <password in hex> <salt:key>            as its verifyPassword does it, with node's own scrypt
// See password_node_test.c.
import { scryptSync } from 'node:crypto';
import { readFileSync } from 'node:fs';

const text = (hex) => Buffer.from(hex, 'hex').toString('utf8');

const verbs = {
  nfkc(from, ours) {
    const theirs = Buffer.from(text(from).normalize('NFKC'), 'utf8').toString('hex');
    return theirs === ours ? 'ok' : `nfkc ${from}: ${ours} here, ${theirs} in node`;
  },
  hash(password, stored) {
    const [salt, key] = stored.split(':');
    const made = scryptSync(text(password).normalize('NFKC'), salt, 64, { N: 16384, r: 16, p: 1, maxmem: 64 << 20 });
    return made.toString('hex') === key ? 'ok' : `hash ${password}: ${stored} does not verify`;
  },
};

const lines = readFileSync(0, 'latin1').split('\n').slice(0, -1);
const answers = lines.map((line) => {
  const [verb, ...rest] = line.split(' ');
  return verbs[verb](...rest);
});
process.stdout.write(answers.join('\n') + '\n');
