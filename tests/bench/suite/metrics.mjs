// Prometheus' text format, as far as Quintet writes it.

/** { 'name{label="value"}': number } */
export function parseMetrics(text) {
    const values = {}
    for (const line of text.split('\n')) {
        const match = /^([a-z_]\w*(?:\{.*\})?) (\S+)$/.exec(line)
        if (match) values[match[1]] = Number(match[2])
    }
    return values
}

/** What was added between two scrapes, to all series of 'name' whose labels hold 'label' (method="…"). */
export function added(before, after, name, label = '') {
    const sum = (values) =>
        Object.entries(values)
            .filter(([series]) => (series === name || series.startsWith(`${name}{`)) && series.includes(label))
            .reduce((total, [, value]) => total + value, 0)
    return sum(after) - sum(before)
}

export async function scrape(url) {
    const answer = await fetch(`${url}/metrics`)
    if (!answer.ok) throw new Error(`${url}/metrics: ${answer.status}`)
    return parseMetrics(await answer.text())
}
