// The benchmark suite: tests/bench/run starts it. See README.md beside that.
//
//   for each phase: 1. its subjects are opened and their answers checked  2. rounds  3. all is closed
//   then: tables, plot, targets, all from the same results
//
// Whatever way it ends, what was started is ended and what was made is removed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { endAll, makeFolder, unlessEnding } from './children.mjs'
import { pickGenerator } from './load.mjs'
import { readOptions, wanted } from './options.mjs'
import { plotOf } from './plot.mjs'
import { writeReadme } from './readme.mjs'
import { clockText, lengthOf, measureOnce, Results, roundOf } from './schedule.mjs'
import { openStack } from './stack.mjs'
import { reportOf } from './report.mjs'
import { versions } from './versions.mjs'
import { echoes } from './subjects/echo.mjs'
import { flat } from './subjects/flat.mjs'
import { peers } from './subjects/peers.mjs'
import { uploads } from './subjects/photos.mjs'
import { pgbenchSubjects } from './subjects/pgbench.mjs'
import { pressure } from './subjects/pressure.mjs'
import { quintet } from './subjects/quintet.mjs'

const SUBJECTS = [...quintet, ...peers, ...pgbenchSubjects, ...pressure, ...uploads, ...echoes, ...flat]
const PHASES = ['main', 'echo', 'flat']
const phaseOf = (subject) => subject.phase ?? 'main'

const begun = performance.now()
const say = (text) => process.stderr.write(`bench: ${text}\n`)

/** Those who are asked for and can be measured here; why others are not stands in the report. */
function choose(options, generator) {
    const left_out = []
    const chosen = SUBJECTS.filter((subject) => {
        if (!wanted(options, subject.id)) return false
        const why = subject.nng && !generator.overNng ? 'only quintet-load asks over nng' : subject.openLoop && !generator.open ? 'only quintet-load keeps a rate' : null
        if (why) left_out.push({ id: subject.id, why })
        return !why
    })
    const ids = chosen.map((subject) => subject.id)
    return {
        left_out,
        subjects: chosen.filter((subject) => {
            const missing = subject.needs?.find((id) => !ids.includes(id))
            if (missing) left_out.push({ id: subject.id, why: `needs ${missing}` })
            return !missing
        }),
    }
}

async function runPhase(ctx, phase, subjects, left) {
    const stacks = new Map()
    const opened = new Map()
    const phaseCtx = Object.assign(Object.create(ctx), {
        stack: (users = ctx.options.users) => {
            if (!stacks.has(users)) stacks.set(users, openStack(ctx.options.build, `${phase}-${users}`, users, say))
            return stacks.get(users)
        },
        opened: (id) => opened.get(id),
    })
    for (const subject of subjects) {
        try {
            const handle = await subject.open(phaseCtx)
            await handle.check?.()
            opened.set(subject.id, handle)
        } catch (error) {
            await unlessEnding()
            say(`${subject.id} is left out: ${error.message}`)
            ctx.left_out.push({ id: subject.id, why: error.message.split('\n')[0] })
        }
    }
    const plan = roundOf(subjects.filter((subject) => opened.has(subject.id)))
    for (let round = 1; round <= ctx.options.runs; round++) {
        for (const { subject, at } of plan) {
            say(`${phase}, round ${round} of ${ctx.options.runs}: ${subject.id} at ${at} (${left.text()} left)`)
            const seconds = lengthOf(subject, at, ctx.options.seconds, ctx.results.medianOf(subject.id, 64)?.rate)
            const times = { seconds, warmup: ctx.options.seconds / 5 }
            const sample = await measureOnce(() => opened.get(subject.id).measure(at, times), say)
            await unlessEnding()
            ctx.results.add(subject.id, at, { round, ...sample })
            left.done()
            if (sample.rate) say(`  ${sample.rate.toFixed(0)}/s, p50 ${(sample.p50_us / 1000).toFixed(2)} ms, p99 ${(sample.p99_us / 1000).toFixed(2)} ms`)
        }
    }
    for (const handle of opened.values()) await handle.close?.()
    for (const stack of stacks.values()) await (await stack).stop()
}

/** Time left, by what a measurement took so far. */
function countdown(measurements, guess_s) {
    let done = 0
    let first = null
    return {
        text() {
            first ??= performance.now()
            const each = done > 0 ? (performance.now() - first) / 1000 / done : guess_s
            return clockText(each * (measurements - done))
        },
        done: () => done++,
    }
}

async function main() {
    let options
    try {
        options = readOptions(process.argv.slice(2))
    } catch (error) {
        process.stderr.write(`tests/bench/run: ${error.message}\n`)
        return 2
    }
    if (options.help) return process.stdout.write(options.help), 0
    if (options.list) return process.stdout.write(SUBJECTS.map((subject) => `${subject.id.padEnd(28)}${subject.title}\n`).join('')), 0
    if (options.only.some((prefix) => !SUBJECTS.some((subject) => subject.id.startsWith(prefix)))) {
        process.stderr.write('tests/bench/run: --only: no subject begins so (--list)\n')
        return 2
    }
    const generator = pickGenerator(options.build, options.generator)
    const { subjects, left_out } = choose(options, generator)
    const ctx = { options, generator, say, left_out, cores: availableParallelism(), scratch: makeFolder('scratch'), results: new Results() }
    const measurements = options.runs * roundOf(subjects).length
    const left = countdown(measurements, options.seconds * 1.25 + 1)
    say(`${subjects.length} subjects, ${measurements} measurements, some ${left.text()} and the preparations`)
    for (const phase of PHASES) {
        const own = subjects.filter((subject) => phaseOf(subject) === phase)
        if (own.length > 0) await runPhase(ctx, phase, own, left)
    }

    await unlessEnding()
    const run = {
        options,
        generator: generator.name,
        when: new Date().toISOString(),
        took_s: Math.round((performance.now() - begun) / 1000),
        versions: await versions(options.build, generator),
        titles: Object.fromEntries(SUBJECTS.map((subject) => [subject.id, { title: subject.title, group: subject.group }])),
        left_out,
        results: ctx.results.all(),
    }
    mkdirSync(`${options.build}/bench`, { recursive: true })
    writeFileSync(`${options.build}/bench/results.json`, JSON.stringify(run, null, 1) + '\n')
    const report = reportOf(run)
    process.stdout.write(report + '\n')
    writeFileSync(`${options.build}/bench/bench.svg`, plotOf(run))
    if (!options.print && options.only.length === 0) writeReadme(report, plotOf(run))
    else say('tests/bench/README.md is left as it is')
    say(`done in ${clockText(run.took_s)}; ${options.build}/bench/results.json has every sample`)
    return 0
}

// The first Ctrl-C ends in order; it may be in the midst of a measurement, which then fails and is not looked at.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, async () => {
        say(`${signal}: ending what was started`)
        await endAll()
        process.exit(signal === 'SIGINT' ? 130 : 143)
    })
}

let code = 1
try {
    code = await main()
} catch (error) {
    process.stderr.write(`bench: ${error.stack}\n`)
}
await endAll()
process.exit(code)
