// What JavaScript makes of each text: lines of hex on stdin; on stdout, line by line, "-" for a text that
// JSON.parse refuses, or JSON.stringify(JSON.parse(text)) in hex. Lone surrogates become U+FFFD, as they do when
// JavaScript sends them anywhere as UTF-8. See reader_node_test.c.
import { readFileSync } from 'node:fs';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lone = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const wellFormed = (text) => text.replace(lone, '\uFFFD');

function clean(value) {
  if (typeof value === 'string') return wellFormed(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== 'object') return value;
  const object = Object.create(null); // "__proto__" is a key like any other
  for (const [key, member] of Object.entries(value)) object[wellFormed(key)] = clean(member);
  return object;
}

function answer(line) {
  try {
    const text = decoder.decode(Buffer.from(line, 'hex'));
    return Buffer.from(JSON.stringify(clean(JSON.parse(text))), 'utf8').toString('hex');
  } catch {
    return '-';
  }
}

const lines = readFileSync(0, 'latin1').split('\n').slice(0, -1);
process.stdout.write(lines.map((line) => answer(line) + '\n').join(''));
