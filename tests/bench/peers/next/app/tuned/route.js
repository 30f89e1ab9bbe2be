import { tokenReader } from '../../../lib/cookie.mjs';
import { secret } from '../../../lib/settings.mjs';
import { askTuned } from '../../../prisma/questions.mjs';
import { tuned } from '../../database.mjs';

export const dynamic = 'force-dynamic';

const tokenOf = tokenReader(secret());

export async function POST(request) {
    return Response.json(await askTuned(tuned, tokenOf(request.headers.get('cookie'))), {
        headers: { 'Cache-Control': 'no-store' },
    });
}
