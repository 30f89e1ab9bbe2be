// tests/bench/README.md: what stands between the two marks is this suite's, the rest is people's.
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

const FOLDER = 'tests/bench'
const BEGIN = '<!-- table -->'
const END = '<!-- end -->'

/** The text with everything between the marks replaced. Throws when they are not there, once each, in order. */
export function between(text, inner) {
    const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
    if (begin < 0 || end < begin || text.indexOf(BEGIN, begin + 1) >= 0 || text.indexOf(END, end + 1) >= 0) throw new Error(`README.md needs one ${BEGIN} and behind it one ${END}`)
    return `${text.slice(0, begin + BEGIN.length)}\n\n${inner.trim()}\n\n${text.slice(end)}`
}

/** As a whole or not at all. */
function replace(file, text) {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
}

export function writeReadme(report, plot) {
    const text = between(readFileSync(`${FOLDER}/README.md`, 'utf8'), report)
    replace(`${FOLDER}/bench.svg`, plot)
    replace(`${FOLDER}/README.md`, text)
}
