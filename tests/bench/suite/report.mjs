// The whole report, from a run's results (build/bench/results.json) and from nothing else.
import { Results } from './schedule.mjs'
import { checkTable, echoTable, elsewhere, flatTable, floodTable, idleTable, layersTable, otherTable, pgbenchTable, photosTable, sameRateTable, signInTable } from './tables.mjs'
import { targetsOf } from './targets.mjs'
import { table, whole } from './text.mjs'

const section = (title, text, ...tables) => {
    const there = tables.filter(Boolean)
    return there.length > 0 ? [`## ${title}`, ...(text ? [text] : []), ...there].join('\n\n') : ''
}

function targetsSection(run, results) {
    const rows = targetsOf(run, results).map(({ goal, wanted, measured, reached }) => [goal, wanted, measured, reached === null ? 'not measured' : reached ? 'yes' : '**no**'])
    return section('What was to be reached', '', table([['', 'left'], ['wanted', 'right'], ['measured', 'right'], ['reached', 'left']], rows))
}

/** Those of one subject with one reason, as one. */
function gathered(voids) {
    const groups = new Map()
    for (const { id, at, reason, void: bad, of } of voids) {
        const key = `${id} ${reason}`
        const group = groups.get(key) ?? { id, reason, places: [], bad: 0, of: 0 }
        groups.set(key, { ...group, places: [...group.places, at], bad: group.bad + bad, of: group.of + of })
    }
    return [...groups.values()]
}

function omissions(run, results, whereIs) {
    const lines = [
        ...run.left_out.map(({ id, why }) => `- left out: ${whereIs(id)}: ${why}`),
        ...gathered(results.voids()).map(({ id, places, reason, bad, of }) => `- void, also when repeated, in ${bad} of ${of} measurements: ${whereIs(id)}, at ${places.join(', ')}: ${reason}`),
    ]
    return lines.length > 0 ? ['## Not in the tables', lines.join('\n')].join('\n\n') : ''
}

function measuredOn(run, results) {
    const { machine, software } = run.versions
    const { users, runs, seconds } = run.options
    const others = elsewhere(results)
    const names = Object.entries(software).filter(([, version]) => version).map(([name, version]) => `${name} ${version}`)
    return (
        `Measured on ${run.when.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores, ${machine.memory_gib} GiB, Linux ${machine.kernel}. ${names.join(', ')}; ` +
        `PostgreSQL's default settings; ${whole(users)} users with sessions, four in five with a complete profile. Medians of ${runs} ${runs === 1 ? 'round' : 'rounds'} of ${seconds} s each, ` +
        `all subjects in turn; load from ${run.generator} on the same cores.${others ? ` Of the processors, programs that are no part of it took ${others} at most.` : ''}`
    )
}

export function reportOf(run) {
    const results = Results.from(run.results)
    const at = (place) => checkTable(run, results, place)
    return [
        measuredOn(run, results),
        targetsSection(run, results),
        section(
            'Session and profile check',
            'Uncached, each time with the cookie of another session picked at random. CPU µs are what a check costs in processor time, all threads and ' +
                'processes, the load generator left out.',
            at(1),
            at(64),
            at(512),
            at(2000),
        ),
        section('Layer by layer', 'The same check asked over HTTP, and over nng at auth and at profile.', layersTable(run, results)),
        section('Beside pgbench', "PostgreSQL alone, asked for the same join one look-up a statement; Quintet's look-ups share statements.", pgbenchTable(run, results)),
        section('At the same rate', "Both are offered the same: eight tenths of what Prisma's combined version can answer. Latencies count from when a call was due.", sameRateTable(run, results)),
        section('Signing in', 'Nearly all of it is scrypt. Below, sessions are checked while 64 others sign in as fast as they can: first by 64 clients, who want all the processor there is, then at a rate that leaves enough of it.', signInTable(run, results), floodTable(run, results)),
        section('Idle connections', '200 clients check sessions; beside them lie keep-alive connections that asked once, eight seconds before.', idleTable(run, results)),
        section('Whether the cost is flat', '', flatTable(run, results)),
        section('An empty call', 'What a call costs when nothing is done in it; a closed loop, one thread each side. "Batchable" methods share messages.', echoTable(run, results)),
        section('Other calls', '', otherTable(run, results)),
        section(
            'Photos',
            'So many people at once upload a picture to the embedded folder, have it completed and delete it again, one after the other. Times are those of CompleteUpload, in which the ' +
                'pictures are made: two WebP files and a placeholder. CPU is for all of it.',
            photosTable(run, results),
        ),
        omissions(run, results, (id) => run.titles[id]?.title ?? id),
    ]
        .filter(Boolean)
        .join('\n\n')
}
