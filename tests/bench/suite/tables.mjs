// The tables of the report, each from the medians of one group of subjects. A table without a row is left out.
import { total } from './stats.mjs'
import { milliseconds, number, percent, ratio, table, whole } from './text.mjs'

export const SUBJECT_OF_ALL = 'quintet_gateway' // whom the others are set against

/** A sample's CPU time a call: of the program (all processes but PostgreSQL's), of PostgreSQL, and both. */
export function cpuOfSample(sample) {
    const all = total(sample?.cpu_us)
    const postgres = sample?.cpu_us?.postgres ?? 0
    return { program: all - postgres, postgres, all }
}

const idsOf = (run, group) => Object.keys(run.titles).filter((id) => run.titles[id].group === group)

/** [{ id, title, at, sample }] of the group's subjects that have a median there. */
function rowsOf(run, results, group, at) {
    return idsOf(run, group).flatMap((id) => {
        const sample = results.medianOf(id, at)
        return sample ? [{ id, title: run.titles[id].title, at, sample }] : []
    })
}

export function checkTable(run, results, at) {
    const own = results.medianOf(SUBJECT_OF_ALL, at)
    const rows = rowsOf(run, results, 'check', at).map(({ title, sample }) => {
        const cpu = cpuOfSample(sample)
        return [
            title,
            whole(sample.rate),
            milliseconds(sample.p50_us),
            milliseconds(sample.p99_us),
            number(cpu.program),
            number(cpu.postgres),
            number(cpu.all),
            own ? ratio(cpu.all / cpuOfSample(own).all) : '–',
            own ? ratio(own.rate / sample.rate) : '–',
        ]
    })
    const right = (title) => [title, 'right']
    return table([[`${at} at once`, 'left'], ...['checks/s', 'p50', 'p99', 'program µs', 'PostgreSQL µs', 'CPU µs in all', 'CPU against Quintet', "Quintet's rate against it"].map(right)], rows)
}

export function layersTable(run, results) {
    const columns = ['gateway µs', 'auth µs', 'profile µs', 'media µs', 'PostgreSQL µs', 'generator µs', 'calls a message at auth', 'at profile', 'look-ups a statement']
    const rows = ['quintet_gateway', 'quintet_auth', 'quintet_profile'].flatMap((id) =>
        [1, 64, 200, 512, 2000].flatMap((at) => {
            const sample = results.medianOf(id, at)
            if (!sample) return []
            const { cpu_us, calls_per_message } = sample
            const cells = ['gateway', 'auth', 'profile', 'media', 'postgres'].map((name) => number(cpu_us[name]))
            return [[id.replace('quintet_', ''), at, whole(sample.rate), ...cells, number(sample.generator_us), number(calls_per_message?.auth), number(calls_per_message?.profile), number(sample.lookups_per_statement)]]
        }),
    )
    return table([['asked at', 'left'], ['at once', 'right'], ['checks/s', 'right'], ...columns.map((title) => [title, 'right'])], rows)
}

export function pgbenchTable(run, results) {
    const rows = idsOf(run, 'pgbench').flatMap((id) =>
        results.all().filter((entry) => entry.id === id).flatMap(({ at }) => {
            const sample = results.medianOf(id, at)
            if (!sample) return []
            const { cpu_us } = sample
            return [[run.titles[id].title, at, whole(sample.rate), milliseconds(sample.p50_us), milliseconds(sample.p99_us), number(cpu_us.program), number(cpu_us.postgres), '1']]
        }),
    )
    for (const at of [64, 512]) {
        const own = results.medianOf(SUBJECT_OF_ALL, at)
        if (!own || rows.length === 0) continue
        const cpu = cpuOfSample(own)
        rows.push(['Quintet, over HTTP', at, whole(own.rate), milliseconds(own.p50_us), milliseconds(own.p99_us), number(cpu.program), number(cpu.postgres), number(own.lookups_per_statement)])
    }
    return table([['', 'left'], ...['clients', 'look-ups/s', 'p50', 'p99', 'program µs', 'PostgreSQL µs', 'look-ups a statement'].map((title) => [title, 'right'])], rows)
}

export function echoTable(run, results) {
    const rows = [1, 64, 512].flatMap((at) =>
        rowsOf(run, results, 'echo', at).map(({ id, title, sample }) => {
            const grpc = results.medianOf(id.includes('tcp') ? 'echo_grpc_tcp' : 'echo_grpc_unix', at)
            const both = total(sample.cpu_us)
            return [title, at, whole(sample.rate), number(sample.p50_us), number(sample.p99_us), number(sample.cpu_us.client), number(sample.cpu_us.server), number(both), grpc ? ratio(total(grpc.cpu_us) / both) : '–']
        }),
    )
    return table([['100 bytes there and back', 'left'], ...['in flight', 'calls/s', 'p50 µs', 'p99 µs', 'client µs', 'server µs', 'both µs', "gRPC's CPU against it"].map((title) => [title, 'right'])], rows)
}

export function signInTable(run, results) {
    const rows = rowsOf(run, results, 'sign_in', 16).map(({ title, sample }) => {
        const cpu = cpuOfSample(sample)
        return [title, sample.rate.toFixed(1), milliseconds(sample.p50_us), milliseconds(sample.p99_us), milliseconds(cpu.program), milliseconds(cpu.postgres)]
    })
    return table([['16 at once', 'left'], ...['sign-ins/s', 'p50', 'p99', 'program CPU', 'PostgreSQL CPU'].map((title) => [title, 'right'])], rows)
}

export function floodTable(run, results) {
    const rows = [['quintet_flood', '64 checking as fast as they can'], ['quintet_flood_rate', '1,000 checks a second']].flatMap(([id, who]) =>
        ['alone', 'flooded'].flatMap((at) => {
            const sample = results.medianOf(id, at)
            return sample ? [[`${who}, ${at === 'alone' ? 'nobody else' : '64 signing in'}`, whole(sample.rate), milliseconds(sample.p50_us), milliseconds(sample.p99_us), Number.isFinite(sample.sign_in_rate) ? sample.sign_in_rate.toFixed(1) : '0']] : []
        }),
    )
    return table([['', 'left'], ...['checks/s', 'p50', 'p99', 'sign-ins/s'].map((title) => [title, 'right'])], rows)
}

export function idleTable(run, results) {
    const rows = ['without', 'with'].flatMap((at) => {
        const sample = results.medianOf('quintet_idle', at)
        if (!sample) return []
        const each = ['gateway', 'auth', 'profile', 'media'].map((name) => number(sample.rss_mib[name]))
        return [[whole(sample.idle), whole(sample.rate), milliseconds(sample.p99_us), number(cpuOfSample(sample).all), ...each, number(total(sample.rss_mib)), number(total(sample.pss_mib))]]
    })
    return table(['idle connections', 'checks/s', 'p99', 'CPU µs', 'gateway MiB', 'auth MiB', 'profile MiB', 'media MiB', 'all four, resident', 'shared pages once'].map((title) => [title, 'right']), rows)
}

export function flatTable(run, results) {
    const row = (what, sample, base) => {
        const cpu = cpuOfSample(sample)
        return [what, whole(sample.rate), milliseconds(sample.p99_us), number(cpu.program), number(cpu.postgres), number(cpu.all), ratio(cpu.all / cpuOfSample(base).all)]
    }
    const rows = []
    const [small, large] = [results.medianOf('flat_small', 512), results.medianOf('flat_large', 512)]
    if (small && large) rows.push(row(`${whole(small.sessions)} sessions, 512 at once`, small, small), row(`${whole(large.sessions)} sessions, 512 at once`, large, small))
    const [few, many] = [results.medianOf(SUBJECT_OF_ALL, 200), results.medianOf(SUBJECT_OF_ALL, 2000)]
    if (few && many) rows.push(row(`${whole(run.options.users)} sessions, 200 at once`, few, few), row(`${whole(run.options.users)} sessions, 2,000 at once`, many, few))
    return table([['', 'left'], ...['checks/s', 'p99', 'program µs', 'PostgreSQL µs', 'CPU µs in all', 'against the smaller'].map((title) => [title, 'right'])], rows)
}

export function sameRateTable(run, results) {
    const titles = { quintet: 'Quintet, over HTTP', prisma_combined: run.titles.prisma_combined?.title ?? '' }
    const rows = Object.keys(titles).flatMap((at) => {
        const sample = results.medianOf('same_rate', at)
        return sample ? [[titles[at], whole(sample.asked_rate), whole(sample.rate), milliseconds(sample.p50_us), milliseconds(sample.p99_us), milliseconds(sample.lag_p99_us), number(cpuOfSample(sample).all)]] : []
    })
    return table([['open loop', 'left'], ...['offered/s', 'answered/s', 'p50', 'p99', "the generator's own p99", 'CPU µs'].map((title) => [title, 'right'])], rows)
}

export function otherTable(run, results) {
    const rows = rowsOf(run, results, 'other', 64).map(({ title, sample }) => {
        const cpu = cpuOfSample(sample)
        return [title, whole(sample.rate), milliseconds(sample.p50_us), milliseconds(sample.p99_us), number(cpu.program), number(cpu.postgres)]
    })
    return table([['64 at once', 'left'], ...['calls/s', 'p50', 'p99', 'services µs', 'PostgreSQL µs'].map((title) => [title, 'right'])], rows)
}

export function photosTable(run, results) {
    const rows = idsOf(run, 'photos').flatMap((id) =>
        results.all().filter((entry) => entry.id === id).flatMap(({ at }) => {
            const sample = results.medianOf(id, at)
            if (!sample) return []
            const cpu = cpuOfSample(sample)
            const media = sample.cpu_us.media
            return [[`${run.titles[id].title}, ${number(sample.picture_mib)} MiB`, at, number(sample.rate), milliseconds(sample.p50_us), milliseconds(sample.p99_us), milliseconds(media), milliseconds(cpu.all - media), number(sample.peak_mib)]]
        }),
    )
    return table([['', 'left'], ...['people', 'photos/s', 'p50', 'p99', 'CPU of media and its decoders', 'of all others', 'a decoder at most, MiB'].map((title) => [title, 'right'])], rows)
}

/** The most that anything else on the machine took of the processors during one measurement, as a median. */
export function elsewhere(results) {
    const shares = results.all().map(({ id, at }) => results.medianOf(id, at)?.elsewhere).filter(Number.isFinite)
    return shares.length > 0 ? percent(Math.max(...shares)) : null
}
