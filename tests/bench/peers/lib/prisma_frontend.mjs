// One frontend of many, with Prisma as its manual sets it up and the pool that it comes with: so many checks in flight at once, again and
// again, from when stdin says so. Prints what came of them, as JSON. tests/bench/frontends starts fifty.
//
// Each check begins at a moment of its own, as visitors do: of equal questions in one tick of the loop Prisma makes one.
//
//   DATABASE_URL=… node prisma_frontend.mjs TOKEN IN_FLIGHT CALLS
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../prisma/plain.mjs';
import { askTwo } from '../prisma/questions.mjs';

const [token, inFlight, calls] = process.argv.slice(2);
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
const came = { good: 0, failed: {} };
let left = Number(calls);

async function lane() {
    while (left-- > 0) {
        await pause(Math.random() * 50);
        try {
            if ((await askTwo(prisma, token)).authenticated) came.good++;
        } catch (error) {
            const said = (error.meta?.driverAdapterError?.message ?? error.message).trim().split('\n').at(-1);
            came.failed[said] = (came.failed[said] ?? 0) + 1;
        }
    }
}

process.stdout.write('ready\n');
await once(process.stdin, 'data');
await Promise.all(Array.from({ length: Number(inFlight) }, lane));
process.stdout.write(`${JSON.stringify(came)}\n`);
process.exit();
