// What wrk prints.

const UNITS = { us: 1, ms: 1000, s: 1_000_000, m: 60_000_000 }

function durationUs(text) {
    const match = /^([\d.]+)(us|ms|s|m)$/.exec(text)
    return match ? Number(match[1]) * UNITS[match[2]] : NaN
}

/** A sample of wrk's text with --latency; wrk.lua complains on stderr of answers that are not right. */
export function parseWrk(stdout, stderr) {
    const field = (pattern) => pattern.exec(stdout)?.[1] ?? ''
    const sample = {
        calls: Number(field(/(\d+) requests in/)),
        rate: Number(field(/Requests\/sec:\s+([\d.]+)/)),
        p50_us: durationUs(field(/^\s+50%\s+(\S+)/m)),
        p99_us: durationUs(field(/^\s+99%\s+(\S+)/m)),
    }
    const trouble = /Non-2xx.*|Socket errors.*/.exec(stdout)?.[0] ?? stderr.trim().split('\n')[0]
    return trouble ? { ...sample, void: trouble } : sample
}
