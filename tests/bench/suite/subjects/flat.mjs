// Whether a check costs the same with a hundred times the sessions: two stacks side by side.
import { checkGateway, CHECK, measureStack } from './quintet.mjs'

const sized = (id, sizeOf) => ({
    id,
    group: 'flat',
    phase: 'flat',
    title: 'Session check, by number of sessions',
    at: [512],
    async open(ctx) {
        const stack = await ctx.stack(sizeOf(ctx.options))
        return {
            check: () => checkGateway(stack),
            async measure(at, times) {
                const ask = { target: stack.url, path: CHECK, cookies: stack.files.cookies, concurrency: at, ...times }
                return { ...(await measureStack(ctx, stack, ask)), sessions: stack.users }
            },
        }
    },
})

export const flat = [
    sized('flat_small', (options) => (options.quick ? 1_000 : 10_000)),
    sized('flat_large', (options) => (options.quick ? 50_000 : 1_000_000)),
]
