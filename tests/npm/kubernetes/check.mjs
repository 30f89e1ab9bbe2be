// Looks through a rendered overlay and says what is wrong with it.
//
//   node check.mjs SETTINGS EXAMPLES RENDERED              complaints; exit code 1 when there are any
//   node check.mjs --table RENDERED                        who may reach whom, for deploy/README.md
//
// SETTINGS: a file with the name of every setting, one a line. EXAMPLES: Secrets that are made by hand, or "".
import { readFileSync } from 'node:fs';
import { load } from './objects.mjs';
import { reach, table } from './reach.mjs';
import { rules } from './rules.mjs';
import { structure } from './structure.mjs';

export function check(objects, examples, known) {
    const complaints = new Set();
    const complain = (text) => complaints.add(text);
    structure([...objects, ...examples], complain);
    rules(objects, examples, known, complain);
    return [...complaints];
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [first, examples, rendered] = process.argv.slice(2);
    if (first === '--table') {
        const objects = load(examples);
        console.log(table(reach(objects), objects));
    } else {
        const known = new Set(readFileSync(first, 'utf8').split('\n'));
        const complaints = check(load(rendered), examples ? load(examples) : [], known);
        for (const text of complaints) console.error(text);
        process.exitCode = complaints.length > 0 ? 1 : 0;
    }
}
