// The questions that a site asks through Prisma: two, or one for both. Used by the peers `prisma` and `next`, and by
// Better Auth on Prisma for its second half.
import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { SIGNED_OUT, isLive, missingFields, signedIn } from '../lib/answer.mjs';
import { PrismaClient as Plain } from './plain.mjs';
import { PrismaClient as Joining } from './joins.mjs';

// Prisma as its manual sets it up.
export const openPlain = pool => new Plain({ adapter: new PrismaPg(pool) });

// Named statements: PostgreSQL parses and plans each once a connection. The name is a hash of the text; there are as
// many texts as questions, times the sizes of the batches that Prisma makes of questions of one tick.
const names = new Map();
function statementName({ sql }) {
    let name = names.get(sql);
    if (name === undefined) {
        name = createHash('sha1').update(sql).digest('base64url');
        names.set(sql, name);
    }
    return name;
}

// Prisma with what it offers for speed: joins in the database, statements that are prepared once.
export const openTuned = pool => new Joining({ adapter: new PrismaPg(pool, { statementNameGenerator: statementName }) });

const MAIN_PHOTO = { photos: { where: { isMain: true } } };

// The first question of the site: who is it? Two statements.
export async function getSession(prisma, token) {
    const session = await prisma.session.findUnique({ where: { token }, include: { user: true } });
    return isLive(session) ? session : null;
}

const missingIn = profile => missingFields(profile, profile?._count.photos > 0);

// The second: what lacks of the user's profile? One statement.
export async function getMissingFields(prisma, userId) {
    return missingIn(await prisma.profile.findUnique({ where: { userId }, include: { _count: { select: MAIN_PHOTO } } }));
}

export async function askTwo(prisma, token) {
    const session = token && (await getSession(prisma, token));
    return session ? signedIn(session, session.user, await getMissingFields(prisma, session.userId)) : SIGNED_OUT;
}

const answerOf = session =>
    isLive(session) ? signedIn(session, session.user, missingIn(session.user.profile)) : SIGNED_OUT;

// Both in one: three statements without joins (session, user, profile with the count of photos).
const COMBINED = { user: { include: { profile: { include: { _count: { select: MAIN_PHOTO } } } } } };

export async function askCombined(prisma, token) {
    return answerOf(token && (await prisma.session.findUnique({ where: { token }, include: COMBINED })));
}

// For a client of openTuned: one statement, and only the columns of the profile that are looked at.
const GIVEN = { displayName: true, birthDate: true, gender: true, city: true, bio: true, _count: { select: MAIN_PHOTO } };
const TUNED = { user: { include: { profile: { select: GIVEN } } } };

export async function askTuned(prisma, token) {
    return answerOf(
        token && (await prisma.session.findUnique({ relationLoadStrategy: 'join', where: { token }, include: TUNED })),
    );
}
