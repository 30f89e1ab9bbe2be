// Quintet itself: the session check at each layer, and what else a site asks often.
import { withCpu } from '../cpu.mjs'
import { load } from '../load.mjs'
import { isComplete, withBatches } from '../stack.mjs'

const AUTH = 'quintet.auth.v1.AuthService'
export const CHECK = `${AUTH}/GetSessionWithProfileCheck`

/** One measurement of the stack: CPU of the five, batches, and what the generator saw. */
export function measureStack(ctx, stack, ask) {
    return withBatches(stack, () => withCpu(stack.processes, ctx.cores, () => load(ctx.generator, ask, ctx.scratch)))
}

async function post(url, body, cookie) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...(cookie ? { cookie } : {}) }, body })
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`)
    return answer.json()
}

function expect(condition, what) {
    if (!condition) throw new Error(`not measured, the answer is wrong: ${what}`)
}

/** Users of either kind are known for who they are. */
export async function checkGateway(stack) {
    for (const line of [0, 1, 4, 9, 13]) {
        const answer = await post(`${stack.url}/${CHECK}`, '{}', stack.cookies[line])
        expect(answer.authenticated && answer.user.email === `seed-${line}@seed.invalid`, `line ${line}: ${JSON.stringify(answer.user)}`)
        expect(Boolean(answer.profileComplete) === isComplete(line), `line ${line}: complete is ${answer.profileComplete}`)
    }
    expect(!(await post(`${stack.url}/${CHECK}`, '{}', '')).authenticated, 'nobody is signed in')
}

/** A way to ask: 'ask' of the stack beside concurrency and times; 'before' each measurement, and 'judge' may find it void. */
const way = ({ check, judge, before, ask, ...subject }) => ({
    ...subject,
    async open(ctx) {
        const stack = await ctx.stack()
        return {
            check: () => check?.(stack),
            async measure(at, times) {
                await before?.(stack)
                const sample = await measureStack(ctx, stack, { ...ask(stack), concurrency: at, ...times })
                return judge && !sample.void ? { ...sample, ...judge(sample) } : sample
            },
        }
    },
})

// Over nng no answer is looked into; that the rows were looked up is seen at profile.
const lookedUp = ({ calls, lookups }) => (lookups < calls * 0.98 ? { void: `${calls} calls, but profile looked up ${lookups}` } : {})

// 200 and 2,000 belong to "cost flat": ten times the clients.
const EVERY = [1, 64, 200, 512, 2000]

export const quintet = [
    way({
        id: 'quintet_gateway',
        group: 'check',
        title: 'Quintet, over HTTP: gateway, auth, profile',
        at: EVERY,
        check: checkGateway,
        judge: lookedUp,
        ask: (stack) => ({ target: stack.url, path: CHECK, cookies: stack.files.cookies }),
    }),
    way({
        id: 'quintet_auth',
        group: 'check',
        title: 'Quintet, asked over nng at auth',
        nng: true,
        at: [1, 64, 512, 2000],
        judge: lookedUp,
        ask: (stack) => ({ target: stack.endpoints.AUTH_RPC, path: CHECK, cookies: stack.files.cookies }),
    }),
    way({
        id: 'quintet_profile',
        group: 'check',
        title: 'Quintet, asked over nng at profile',
        nng: true,
        at: [1, 64, 512, 2000],
        judge: lookedUp,
        ask: (stack) => ({ target: stack.endpoints.PROFILE_RPC, path: 'quintet.store.v1.SessionStore/GetSessionWithProfile', dataFile: stack.files.tokens }),
    }),
    way({
        id: 'quintet_list',
        group: 'other',
        title: 'ListProfiles, 20 a page',
        at: [64],
        check: async (stack) => {
            const { profiles } = await post(`${stack.url}/quintet.profile.v1.ProfileService/ListProfiles`, '{"pageSize":20}', stack.cookies[0])
            expect(profiles.length === 20 && profiles.every((profile) => profile.complete), 'a page of 20')
        },
        ask: (stack) => ({ target: stack.url, path: 'quintet.profile.v1.ProfileService/ListProfiles', cookies: stack.files.cookies, data: '{"pageSize":20}' }),
    }),
    way({
        id: 'quintet_presign',
        group: 'other',
        title: 'CreateUpload: a presigned URL and its row',
        at: [64],
        check: async (stack) => {
            const { url } = await post(`${stack.url}/quintet.media.v1.MediaService/CreateUpload`, UPLOAD, stack.cookies[0])
            expect(url.includes('X-Amz-Signature='), 'a signed URL')
        },
        // A user may have so many photos, begun ones too; nobody completes these.
        before: (stack) => stack.psql(['-c', 'delete from quintet.photo where not ready', '-c', 'delete from quintet.photo_trash']),
        ask: (stack) => ({ target: stack.url, path: 'quintet.media.v1.MediaService/CreateUpload', cookies: stack.files.cookies, data: UPLOAD }),
    }),
    way({
        id: 'quintet_presign_nng',
        group: 'other',
        title: 'the same, asked over nng at media',
        nng: true,
        at: [64],
        before: (stack) => stack.psql(['-c', 'delete from quintet.photo where not ready', '-c', 'delete from quintet.photo_trash']),
        ask: (stack) => ({ target: stack.endpoints.MEDIA_RPC, path: 'quintet.media.v1.MediaService/CreateUpload', callers: stack.files.callers, data: UPLOAD }),
    }),
    way({
        id: 'quintet_sign_in',
        group: 'sign_in',
        title: 'Quintet sign-in',
        at: [16],
        least_s: 5, // sixteen sign-ins take the better part of a second
        check: async (stack) => {
            const { user } = await post(`${stack.url}/${AUTH}/SignIn`, '{"email":"seed-7@seed.invalid","password":"seeded password"}')
            expect(user.email === 'seed-7@seed.invalid', 'who signed in')
        },
        ask: (stack) => ({ target: stack.url, path: `${AUTH}/SignIn`, dataFile: stack.files.logins }),
    }),
]

const UPLOAD = '{"contentType":"image/jpeg","sizeBytes":"1000"}'
