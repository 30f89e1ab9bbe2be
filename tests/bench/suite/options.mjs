// What the suite was asked to do.

const HELP = `Quintet's benchmark suite: what a session check costs, here and elsewhere, in one run on one machine.

  tests/bench/run [--build DIR] [--users N] [--seconds N] [--runs N] [--only SUBJECT…] [--print] [--quick]

  --build DIR     where Quintet was built (build)
  --users N       users, sessions and profiles that the database is filled with (100000)
  --seconds N     length of a measurement (8); before each, a fifth of it to warm up
  --runs N        rounds; the tables have the medians (3)
  --only NAME …   only subjects whose name begins so: quintet, node_pg, prisma, pgbench, echo, flat …  (--list)
  --print         print the tables; leave tests/bench/README.md as it is
  --quick         small counts, to see that everything works (10000 users, 1.5 s, one round); implies --print
  --generator G   quintet-load or wrk (quintet-load when it is built); wrk cannot ask over nng
  --list          the subjects

Raw results go to BUILD/bench/results.json.
`

const NUMBERS = { '--users': ['users', 100, 10_000_000], '--seconds': ['seconds', 0.5, 600], '--runs': ['runs', 1, 99] }

/** Throws with a sentence for people. { help } or { list } instead of the options when that is all. */
export function readOptions(args) {
    const options = { build: 'build', users: 100_000, seconds: 8, runs: 3, only: [], print: false, quick: false, generator: null, list: false }
    if (args.includes('--help') || args.includes('-h')) return { help: HELP }
    if (args.includes('--quick')) Object.assign(options, { quick: true, print: true, users: 10_000, seconds: 1.5, runs: 1 })
    for (let i = 0; i < args.length; i++) {
        const name = args[i]
        const value = () => {
            if (i + 1 >= args.length) throw new Error(`${name} wants a value`)
            return args[++i]
        }
        if (NUMBERS[name]) {
            const [key, least, most] = NUMBERS[name]
            const number = Number(value())
            if (!(number >= least && number <= most)) throw new Error(`${name}: "${args[i]}" is not allowed; a number from ${least} to ${most}`)
            if (key !== 'seconds' && !Number.isInteger(number)) throw new Error(`${name}: "${args[i]}" is not a whole number`)
            options[key] = number
        } else if (name === '--build') options.build = value()
        else if (name === '--print') options.print = true
        else if (name === '--list') options.list = true
        else if (name === '--quick') continue
        else if (name === '--generator') {
            options.generator = value()
            if (!['quintet-load', 'wrk'].includes(options.generator)) throw new Error(`--generator: "${args[i]}" is not allowed; quintet-load or wrk`)
        } else if (name === '--only') {
            options.only.push(value())
            while (i + 1 < args.length && !args[i + 1].startsWith('-')) options.only.push(args[++i])
        } else throw new Error(`${name}: no such option (--help lists them)`)
    }
    return options
}

/** Whether a subject is wanted. */
export function wanted(options, id) {
    return options.only.length === 0 || options.only.some((prefix) => id.startsWith(prefix))
}
