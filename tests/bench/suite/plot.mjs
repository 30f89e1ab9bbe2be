// The plot: what one check costs in processor time, a bar each, as SVG. The scale is logarithmic, or Quintet's bar would be too
// short to see; light and dark follow the reader's setting.
import { Results } from './schedule.mjs'
import { cpuOfSample, SUBJECT_OF_ALL } from './tables.mjs'
import { number, ratio } from './text.mjs'

const AT = 64
const WIDTH = 1080
const LABELS = 480 // room for the titles, left of the bars
const AFTER = 170 // and for the figures, right of them
const ROW = 30
const BAR = 18
const TOP = 84
const BOTTOM = 44

const STYLE = `
    svg { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
    .ground { fill: #ffffff; } .text { fill: #1f2328; } .faint { fill: #59636e; } .figure { stroke: #ffffff; stroke-width: 4px; paint-order: stroke; } .grid { stroke: #d1d9e0; }
    .bar { fill: #8c959f; } .own { fill: #0969da; } .title { font-size: 17px; font-weight: 600; } .strong { font-weight: 600; }
    @media (prefers-color-scheme: dark) {
        .ground { fill: #0d1117; } .text { fill: #f0f6fc; } .faint { fill: #9198a1; } .figure { stroke: #0d1117; } .grid { stroke: #3d444d; }
        .bar { fill: #656c76; } .own { fill: #4493f8; }
    }`

const escape = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

/** The powers of ten around the values. */
export function scaleOf(values) {
    const least = Math.floor(Math.log10(Math.min(...values)) - 1e-9)
    const most = Math.ceil(Math.log10(Math.max(...values)) + 1e-9)
    return { least, most, place: (value) => (Math.log10(value) - least) / (most - least) }
}

export function plotOf(run, at = AT) {
    const results = Results.from(run.results)
    const own = results.medianOf(SUBJECT_OF_ALL, at)
    const bars = Object.keys(run.titles)
        .filter((id) => run.titles[id].group === 'check' && (id === SUBJECT_OF_ALL || !id.startsWith('quintet_')))
        .flatMap((id) => {
            const sample = results.medianOf(id, at)
            return sample && cpuOfSample(sample).all > 0 ? [{ id, title: run.titles[id].title, cpu: cpuOfSample(sample).all }] : []
        })
        .sort((a, b) => a.cpu - b.cpu)
    const height = TOP + bars.length * ROW + BOTTOM
    const room = WIDTH - LABELS - AFTER
    const scale = scaleOf(bars.length > 0 ? bars.map((bar) => bar.cpu) : [1, 10])
    const x = (value) => (LABELS + room * Math.max(0, scale.place(value))).toFixed(1)
    const lines = []
    for (let power = scale.least; power <= scale.most; power++) {
        const at_x = x(10 ** power)
        lines.push(`<line class="grid" x1="${at_x}" y1="${TOP - 10}" x2="${at_x}" y2="${height - BOTTOM}"/>`)
        lines.push(`<text class="faint" x="${at_x}" y="${height - BOTTOM + 20}" text-anchor="middle">${number(10 ** power).replace(/\.0+$/, '')} µs</text>`)
    }
    bars.forEach((bar, i) => {
        const y = TOP + i * ROW
        const ours = bar.id === SUBJECT_OF_ALL
        const against = own && !ours ? ` <tspan class="faint" dx="6">${ratio(bar.cpu / cpuOfSample(own).all)}</tspan>` : ''
        lines.push(`<text class="text${ours ? ' strong' : ''}" x="${LABELS - 10}" y="${y + BAR - 4}" text-anchor="end">${escape(bar.title)}</text>`)
        lines.push(`<rect class="${ours ? 'own' : 'bar'}" x="${LABELS}" y="${y}" width="${(x(bar.cpu) - LABELS).toFixed(1)}" height="${BAR}" rx="2"/>`)
        lines.push(`<text class="text figure${ours ? ' strong' : ''}" x="${(Number(x(bar.cpu)) + 8).toFixed(1)}" y="${y + BAR - 4}">${number(bar.cpu)} µs${against}</text>`)
    })
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="CPU time of one session and profile check">
<style>${STYLE}
</style>
<rect class="ground" width="${WIDTH}" height="${height}" rx="6"/>
<text class="text title" x="20" y="32">Processor time of one session and profile check</text>
<text class="faint" x="20" y="54">program and PostgreSQL together, ${at} clients at once; logarithmic; × is against Quintet; ${run.when.slice(0, 10)}</text>
${lines.join('\n')}
</svg>
`
}
