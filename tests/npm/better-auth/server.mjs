// The real Better Auth on the tables of the test, as a site has it: an HTTP server of Node's and a pool of its own. Prints "ready URL",
// and "mail TO LINK" for each mail that it would send. Ends with its standard input.
import http from 'node:http';
import pg from 'pg';
import { betterAuth } from 'better-auth';
import { toNodeHandler } from 'better-auth/node';
import { say } from './lines.mjs';

const { DATABASE_URL, SECRET, SITE, TRUSTED = '', COOKIE_CACHE, DELETE_BY_MAIL } = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 3 });
pool.on('error', (error) => console.error('PostgreSQL has ended a connection that was idle:', error.message)); // or Node ends with all of the client's fields
const mail = async ({ user, url }) => say('mail', user.email, url);

const auth = betterAuth({
    database: pool,
    secret: SECRET,
    baseURL: SITE,
    trustedOrigins: TRUSTED ? TRUSTED.split(',') : [],
    emailAndPassword: { enabled: true, sendResetPassword: mail },
    emailVerification: { sendVerificationEmail: mail },
    user: {
        changeEmail: { enabled: true, sendChangeEmailConfirmation: mail },
        deleteUser: { enabled: true, ...DELETE_BY_MAIL && { sendDeleteAccountVerification: mail } },
    },
    session: COOKIE_CACHE ? { cookieCache: { enabled: true, strategy: COOKIE_CACHE } } : {},
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
});

const server = http.createServer(toNodeHandler(auth));
server.listen(0, '127.0.0.1', () => say('ready', `http://127.0.0.1:${server.address().port}`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
