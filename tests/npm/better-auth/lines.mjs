// Talk in lines with the test that runs the script: it says something, and may be asked for something in between.
import readline from 'node:readline';

let lines;

// The next line; undefined: the test has ended.
export async function hear() {
    lines ??= readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    return (await lines.next()).value;
}

export const say = (...words) => process.stdout.write(`${words.join(' ').replaceAll('\n', ' ⏎ ')}\n`);

export async function ask(...words) {
    say(...words);
    return hear();
}
