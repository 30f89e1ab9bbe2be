// The floor: what Node's http costs when nothing is asked of anyone. The answer is of the usual size and always the same.
import { signedIn } from './lib/answer.mjs';
import { serve } from './lib/serve.mjs';

const at = new Date(0);
const id = 'x'.repeat(32);
const ANSWER = signedIn(
    { id, userId: id, token: id, expiresAt: at, createdAt: at, updatedAt: at, ipAddress: '', userAgent: 'quintet-seed' },
    { id, name: 'Nobody', email: 'nobody@seed.invalid', emailVerified: false, image: '', createdAt: at, updatedAt: at },
    [],
);

await serve({ '/check': async () => ANSWER });
