import { tokenReader } from '../../../lib/cookie.mjs';
import { secret } from '../../../lib/settings.mjs';
import { askCombined } from '../../../prisma/questions.mjs';
import { prisma } from '../../database.mjs';

export const dynamic = 'force-dynamic';

const tokenOf = tokenReader(secret());

export async function POST(request) {
    return Response.json(await askCombined(prisma, tokenOf(request.headers.get('cookie'))), {
        headers: { 'Cache-Control': 'no-store' },
    });
}
