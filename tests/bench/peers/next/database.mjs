// One pool for all routes and a client of each kind, kept on globalThis as Prisma's manual says, since Next.js makes several bundles.
import pg from 'pg';
import { pool as poolSettings } from '../lib/settings.mjs';
import { openPlain, openTuned } from '../prisma/questions.mjs';

export const pool = (globalThis.peerPool ??= new pg.Pool(poolSettings()));
export const prisma = (globalThis.peerPrisma ??= openPlain(pool));
export const tuned = (globalThis.peerTuned ??= openTuned(pool));
