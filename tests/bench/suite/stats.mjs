// Sums over samples. A sample is a plain object; numbers that it does not have are left out.

/** The middle one of the sorted values; of an even number the mean of the middle two; null of none. */
export function median(values) {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
    if (sorted.length === 0) return null
    const middle = sorted.length >> 1
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The smallest value that a share 'quantile' of the values does not exceed; null of none. */
export function quantile(values, share) {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
    if (sorted.length === 0) return null
    return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))]
}

/** One sample of the medians of each number, also of those one object deeper (cpu_us.gateway). Void samples do not count. */
export function medians(samples) {
    const good = samples.filter((sample) => !sample.void)
    return merge(good)
}

function merge(objects) {
    const merged = {}
    for (const key of new Set(objects.flatMap((object) => Object.keys(object)))) {
        const values = objects.map((object) => object[key]).filter((value) => value !== undefined && value !== null)
        if (values.length === 0) continue
        if (typeof values[0] === 'number') merged[key] = median(values)
        else if (typeof values[0] === 'object') merged[key] = merge(values)
        else merged[key] = values[0]
    }
    return merged
}

/** Sum of an object's numbers. */
export function total(numbers) {
    return Object.values(numbers ?? {}).reduce((sum, number) => sum + number, 0)
}
