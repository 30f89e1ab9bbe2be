// Numbers and tables as Markdown.

const DASH = '–'

const grouped = (text) => text.replace(/\B(?=(\d{3})+(?!\d))/g, ',')

/** Three digits that say something, at least: 1.43, 27.8, 504, 20,747. */
export function number(value) {
    if (!Number.isFinite(value)) return DASH
    const size = Math.abs(value)
    return size < 9.995 ? value.toFixed(2) : size < 99.95 ? value.toFixed(1) : grouped(Math.round(value).toString())
}

export const whole = (value) => (Number.isFinite(value) ? grouped(Math.round(value).toString()) : DASH)
export const ratio = (value) => (Number.isFinite(value) ? `${value < 0.0995 ? value.toFixed(4) : value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : grouped(Math.round(value).toString())}×` : DASH)
export const milliseconds = (us) => (Number.isFinite(us) ? `${number(us / 1000)} ms` : DASH)
export const percent = (share) => (Number.isFinite(share) ? `${(share * 100).toFixed(1)}%` : DASH)

/** columns: [title, 'left' or 'right'] each; rows: arrays of texts. '' when there is no row. */
export function table(columns, rows) {
    if (rows.length === 0) return ''
    const line = (cells) => `| ${cells.join(' | ')} |`
    return [line(columns.map(([title]) => title)), line(columns.map(([, side]) => (side === 'left' ? '---' : '---:'))), ...rows.map(line)].join('\n')
}
