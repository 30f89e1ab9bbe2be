// What the protected pages ask, in the site's words: Better Auth on Prisma, then the profile.
import { betterAuth } from 'better-auth';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { authOptions } from '../lib/auth_options.mjs';
import { secret } from '../lib/settings.mjs';
import { getMissingFields } from '../prisma/questions.mjs';
import { prisma } from './database.mjs';

const auth = betterAuth({ ...authOptions(secret()), database: prismaAdapter(prisma, { provider: 'postgresql' }) });

export async function getSession() {
    return auth.api.getSession({ headers: await headers() });
}

export async function isProfileComplete(userId) {
    return (await getMissingFields(prisma, userId)).length === 0;
}

// The user of the request, or a redirect to where one signs in or goes on with one's profile.
export async function protect() {
    const session = await getSession();
    if (!session)
        redirect('/signin');
    if (!(await isProfileComplete(session.user.id)))
        redirect('/create');
    return session.user;
}
