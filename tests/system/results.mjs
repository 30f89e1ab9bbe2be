// Writes tests/system/RESULTS.md to its output: results.mjs FOLDER MACHINE. One row a file of FOLDER, by name.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [folder, machine] = process.argv.slice(2)
const trials = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))

const number = (n) => n.toLocaleString('en-GB')
const cell = (text) => text.replaceAll('|', '\\|')
const failures = (trial) => {
    const list = trial.failures.map(({ what, n }) => `${number(n)} × ${what}`).join(', ')
    return trial.failed === 0 ? '0' : `${number(trial.failed)} (${list})`
}
const peak = (trial) =>
    Object.entries(trial.peaks)
        .map(([role, n], i) => (i === 0 ? `${n} of ${trial.budget}` : `${role} ${n}`))
        .join(', ')
const recovered = (trial) =>
    trial.recovered_ms < 0 ? 'not' : trial.recovered_ms === 0 ? 'at once' : `${(trial.recovered_ms / 1000).toFixed(2)} s`

console.log(`# What people notice

Each row is a trial: something is done to a running stack while requests come through the gateway at a fixed rate (open loop), and
\`pg_stat_activity\` is looked at every 10 to 20 ms. Rewritten by \`make results\`; the same programs run in \`make test\`.

- **failed**: anything but the right answer in time. Each is typed (Connect's error with code and reason) or the trial is broken.
- **peak**: the most connections of the application's role that were ever seen, of those it may have.
- **slowest**: the slowest answer, failures included, of the deadline that each request had.
- **recovered**: from the event's end until everything that was sent was answered well.
- In every trial: no write that was confirmed is missing, and none that was said not to have been executed is there.

On ${machine}.

| trial | what was done | requests | failed | peak | slowest | recovered | outcome | run |
| --- | --- | ---: | --- | ---: | ---: | ---: | --- | --- |`)
for (const trial of trials) {
    const row = [
        trial.trial,
        cell(trial.what),
        number(trial.requests),
        cell(failures(trial)),
        peak(trial),
        `${number(trial.slowest_ms)} of ${number(trial.deadline_ms)} ms`,
        recovered(trial),
        cell(trial.outcome),
        `${trial.date}, ${trial.version}`,
    ]
    console.log(`| ${row.join(' | ')} |`)
}
