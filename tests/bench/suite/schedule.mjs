// Who is measured when: rounds, in each of them every subject once at each of its places, neighbours in the tables also in time.
import { unlessEnding } from './children.mjs'
import { medians } from './stats.mjs'

/** The order of one round: [{ subject, at }], by place first, so that those who are compared are measured one after the other. */
export function roundOf(subjects) {
    const places = []
    for (const subject of subjects) for (const at of subject.at) if (!places.includes(at)) places.push(at)
    const numbers = places.filter(Number.isFinite).sort((a, b) => a - b)
    const words = places.filter((place) => !Number.isFinite(place))
    const plan = []
    for (const at of [...numbers, ...words]) for (const subject of subjects) if (subject.at.includes(at)) plan.push({ subject, at })
    return plan
}

/** How long to measure: as asked, or a subject's own share or least; and where each of many clients would hardly be answered
 *  twice in that time, by the rate with fewer, two and a half rounds of answers, but no more than four times what was asked. */
export function lengthOf(subject, at, seconds, rate) {
    const own = Math.max(seconds * (subject.share ?? 1), subject.least_s ?? 0)
    const rounds = Number.isFinite(at) && rate > 0 ? (2.5 * at) / rate : 0
    return Math.max(own, Math.min(rounds, 4 * seconds))
}

/** What was measured: a list of samples for each subject and place. */
export class Results {
    #samples = new Map()

    add(id, at, sample) {
        const key = `${id}@${at}`
        if (!this.#samples.has(key)) this.#samples.set(key, { id, at, samples: [] })
        this.#samples.get(key).samples.push(sample)
    }

    /** Medians of the samples that are not void; null when there is none. */
    medianOf(id, at) {
        const samples = this.#samples.get(`${id}@${at}`)?.samples.filter((sample) => !sample.void) ?? []
        return samples.length > 0 ? { ...medians(samples), samples: samples.length } : null
    }

    /** [{ id, at, reason, of }]: places where a measurement was void twice running, and how many rounds there were. */
    voids() {
        return [...this.#samples.values()].flatMap(({ id, at, samples }) => {
            const bad = samples.filter((sample) => sample.void)
            return bad.length > 0 ? [{ id, at, reason: bad[0].void, void: bad.length, of: samples.length }] : []
        })
    }

    all() {
        return [...this.#samples.values()]
    }

    static from(list) {
        const results = new Results()
        for (const { id, at, samples } of list) for (const sample of samples) results.add(id, at, sample)
        return results
    }
}

/** Measures once; a void measurement is repeated once, and then stays void. An error is a void measurement too. */
export async function measureOnce(measure, say) {
    let first
    for (let attempt = 1; attempt <= 2; attempt++) {
        let sample
        try {
            sample = await measure()
        } catch (error) {
            sample = { void: error.message.split('\n')[0] }
        }
        await unlessEnding()
        if (!sample.void && !(sample.calls > 0)) sample = { ...sample, void: 'no call was answered in time' }
        if (!sample.void) return attempt === 1 ? sample : { ...sample, repeated: first }
        first = sample.void
        say(`void: ${sample.void}${attempt === 1 ? '; once more' : ''}`)
        if (attempt === 2) return sample
    }
}

export function clockText(seconds) {
    return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`
}
