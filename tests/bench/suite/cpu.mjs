// CPU time and memory of processes, from /proc.
import { readFileSync, readdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'

const TICK_US = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** What a line of /proc/<pid>/stat says, in µs: own time (threads that ended included), and that of children that ended.
 *  The name in brackets may hold anything, brackets too: counting begins behind the last one. */
export function parseStat(text, tick_us = TICK_US) {
    const fields = text.slice(text.lastIndexOf(')') + 2).trim().split(' ')
    const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), own_us: (utime + stime) * tick_us, ended_us: (cutime + cstime) * tick_us }
}

function statOf(pid) {
    try {
        return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    } catch {
        return null // it has ended
    }
}

/** Every process' children: Map of pid to [pid]. */
function families() {
    const children = new Map()
    for (const entry of readdirSync('/proc')) {
        const parent = /^\d+$/.test(entry) ? statOf(entry)?.parent : undefined
        if (parent === undefined) continue
        if (!children.has(parent)) children.set(parent, [])
        children.get(parent).push(Number(entry))
    }
    return children
}

/** CPU time so far of {pid}, or with {pid, tree: true} of it and all its descendants, those that ended included. */
export function cpuOf({ pid, tree = false }, children = tree ? families() : null) {
    const stat = statOf(pid)
    if (!stat) return 0
    if (!tree) return stat.own_us
    return stat.own_us + stat.ended_us + (children.get(pid) ?? []).reduce((sum, child) => sum + cpuOf({ pid: child, tree }, children), 0)
}

/** Of our own children that have ended and were waited for: the load generators. */
export function cpuOfEndedChildren() {
    return statOf(process.pid).ended_us
}

/** First line of /proc/stat: time that some processor was busy, in µs. Waiting for a disk is not busy. */
export function parseBusy(text, tick_us = TICK_US) {
    const [user, nice, system, , , irq, softirq, steal] = text.split('\n')[0].split(/\s+/).slice(1).map(Number)
    return (user + nice + system + irq + softirq + steal) * tick_us
}

export function cpuOfMachine() {
    return parseBusy(readFileSync('/proc/stat', 'utf8'))
}

/** Resident memory in MiB, and with shared pages divided among those who share them. */
export function memoryOf(pid) {
    const kib = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
    return {
        rss_mib: kib(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') / 1024,
        pss_mib: kib(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') / 1024,
    }
}

/** Runs 'load' (which resolves to a sample with 'calls'), and adds what each of the processes used for a call while it ran:
 *  cpu_us.<name>, the generator's own beside it, and the share of the processors that none of them accounts for. */
export async function withCpu(processes, cores, load) {
    const read = () => Object.fromEntries(Object.entries(processes).map(([name, process_]) => [name, cpuOf(process_)]))
    const before = { each: read(), ended: cpuOfEndedChildren(), machine: cpuOfMachine(), at: performance.now() }
    const sample = await load()
    const after = { each: read(), ended: cpuOfEndedChildren(), machine: cpuOfMachine(), at: performance.now() }
    if (!(sample.calls > 0)) return sample
    const used = Object.fromEntries(Object.keys(processes).map((name) => [name, after.each[name] - before.each[name]]))
    const generator = after.ended - before.ended
    const known = generator + Object.values(used).reduce((sum, us) => sum + us, 0)
    const elsewhere = (after.machine - before.machine - known) / ((after.at - before.at) * 1000 * cores)
    return {
        ...sample,
        cpu_us: Object.fromEntries(Object.entries(used).map(([name, us]) => [name, us / sample.calls])),
        generator_us: generator / sample.calls,
        elsewhere: Math.max(0, elsewhere),
    }
}
