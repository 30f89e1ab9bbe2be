// Better Auth's own client against a server: the life of an account, a chapter after the other. The test says "run CHAPTER" and
// hears "passed" or "failed WHY"; in between it is asked for a mail ("mail" → "TO LINK") or to run a statement ("sql …" → how many rows).
import assert from 'node:assert/strict';
import { createAuthClient } from 'better-auth/client';
import { Browser } from './browser.mjs';
import { ask, hear, say } from './lines.mjs';

const { SERVER: server, SITE: site } = process.env;
const TOKEN = 'better-auth.session_token';
const DAY = 24 * 60 * 60 * 1000;

const open = agent => {
    const browser = new Browser(site, agent);
    return { browser, client: createAuthClient({ baseURL: server, fetchOptions: { customFetchImpl: browser.fetch } }) };
};
const sql = async statement => Number(await ask('sql', statement));

// The next mail. A link leads to the site, which has the server behind it.
async function mail(to) {
    const [recipient, link] = (await ask('mail')).split(' ');
    assert.equal(recipient, to);
    assert.ok(link.startsWith(`${site}/api/auth/`), link);
    return link.replace(site, server);
}

function good({ data, error }) {
    assert.equal(error, null);
    return data;
}
// An error as the client shows it: the body's members and the status.
function bad({ data, error }, status, code, message) {
    assert.equal(data, null);
    assert.equal(error.status, status, JSON.stringify(error));
    assert.equal(error.code, code);
    if (message !== undefined)
        assert.equal(error.message, message);
}
function near(date, expected, slack = 60_000) {
    assert.ok(date instanceof Date, `${date} is no Date`);
    assert.ok(Math.abs(date - expected) < slack, `${date.toISOString()} is not near ${new Date(expected).toISOString()}`);
}
const within = (text, part) => assert.ok(text.includes(part), `${text} is without ${part}`);

const laptop = open('Laptop');
const phone = open('Phone');
let email = 'Ann.Onymous@Example.com'; // of which case does not count
let password = 'correct horse 1';
let user;

const chapters = {
    async sign_up() {
        const { client, browser } = laptop;
        bad(await client.signUp.email({ name: 'Ann', email, password: 'short' }), 400, 'PASSWORD_TOO_SHORT', 'Password too short');
        bad(await client.signUp.email({ name: 'Ann', email, password: 'x'.repeat(129) }), 400, 'PASSWORD_TOO_LONG', 'Password too long');
        bad(await client.signUp.email({ name: 'Ann', email: 'ann', password }), 400, 'VALIDATION_ERROR', '[body.email] Invalid email address');
        bad(await client.signUp.email({ email, password }), 400, 'VALIDATION_ERROR', '[body.name] Invalid input: expected string, received undefined');
        assert.deepEqual(browser.names(), []);
        const data = good(await client.signUp.email({ name: 'Ann', email, password, image: 'https://example.com/ann.png' }));
        assert.deepEqual(Object.keys(data), ['token', 'user']);
        email = email.toLowerCase();
        user = data.user;
        assert.deepEqual({ ...user, id: 0, createdAt: 0, updatedAt: 0 },
            { name: 'Ann', email, emailVerified: false, image: 'https://example.com/ann.png', createdAt: 0, updatedAt: 0, id: 0 });
        assert.match(user.id, /^[A-Za-z0-9]{32}$/);
        assert.match(data.token, /^[A-Za-z0-9]{32}$/);
        near(user.createdAt, Date.now());
        near(user.updatedAt, Date.now());
        const cookie = browser.cookie(TOKEN);
        assert.equal(decodeURIComponent(cookie.value).split('.')[0], data.token);
        assert.equal(cookie.maxAge, 7 * 24 * 60 * 60);
        assert.deepEqual(cookie.attributes, ['Path=/', 'HttpOnly', 'SameSite=Lax']);
        assert.deepEqual(browser.names(), [TOKEN]);
        bad(await phone.client.signUp.email({ name: 'Eve', email, password }), 422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
            'User already exists. Use another email.');
    },

    async get_session() {
        assert.equal(good(await phone.client.getSession()), null);
        const { session, user: shown } = good(await laptop.client.getSession());
        assert.deepEqual(shown, user);
        assert.deepEqual(Object.keys(session).sort(), ['createdAt', 'expiresAt', 'id', 'ipAddress', 'token', 'updatedAt', 'userAgent', 'userId']);
        near(session.expiresAt, Date.now() + 7 * DAY);
        near(session.createdAt, Date.now());
        assert.equal(session.userAgent, 'Laptop');
        assert.equal(session.userId, user.id);
        const again = good(await laptop.client.getSession({ query: { disableCookieCache: true, disableRefresh: true } }));
        assert.deepEqual(again.session, session);
        assert.deepEqual(good(await laptop.client.$fetch('/ok')), { ok: true });
        bad(await laptop.client.$fetch('/no-such-route'), 404, undefined);
    },

    // Due for a refresh, it is moved to seven days, and the browser is told.
    async refresh() {
        assert.equal(await sql(`update session set "expiresAt" = now() + interval '2 days'`), 1);
        near(good(await laptop.client.getSession({ query: { disableRefresh: true } })).session.expiresAt, Date.now() + 2 * DAY);
        laptop.browser.cookie(TOKEN).ends = Date.now() + 2 * DAY;
        near(good(await laptop.client.getSession()).session.expiresAt, Date.now() + 7 * DAY);
        near(new Date(laptop.browser.cookie(TOKEN).ends), Date.now() + 7 * DAY);
    },

    async update_user() {
        const { client } = laptop;
        assert.deepEqual(good(await client.updateUser({ name: 'Ann O. Nymous', image: null })), { status: true });
        const { user: shown } = good(await client.getSession());
        assert.equal(shown.name, 'Ann O. Nymous');
        assert.equal(shown.image, null);
        assert.deepEqual(shown.createdAt, user.createdAt);
        assert.ok(shown.updatedAt > user.updatedAt);
        user = shown;
        bad(await client.updateUser({ email: 'other@example.com' }), 400, 'EMAIL_CAN_NOT_BE_UPDATED', 'Email can not be updated');
        bad(await client.updateUser({ role: 'admin' }), 400, undefined, 'No fields to update');
        bad(await phone.client.updateUser({ name: 'Eve' }), 401, 'UNAUTHORIZED', 'Unauthorized');
    },

    async second_sign_in() {
        const { client, browser } = phone;
        bad(await client.signIn.email({ email, password: 'wrong horse 1' }), 401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password');
        bad(await client.signIn.email({ email: 'nobody@example.com', password }), 401, 'INVALID_EMAIL_OR_PASSWORD', 'Invalid email or password');
        bad(await client.signIn.email({ email: 'nobody', password }), 400, 'INVALID_EMAIL', 'Invalid email');
        bad(await client.signIn.email({ email, password: 'x'.repeat(129) }), 400, 'PASSWORD_TOO_LONG');
        bad(await client.signIn.email({ email }), 400, 'VALIDATION_ERROR');
        bad(await client.signIn.email({ email, password, callbackURL: 'https://evil.example.net/' }), 403, 'INVALID_CALLBACK_URL', 'Invalid callbackURL');
        bad(await client.signIn.social({ provider: 'github' }), 404, 'PROVIDER_NOT_FOUND');
        const data = good(await client.signIn.email({ email: email.toUpperCase(), password, rememberMe: false }));
        assert.deepEqual(Object.keys(data), ['redirect', 'token', 'user']);
        assert.equal(data.redirect, false);
        assert.deepEqual(data.user, user);
        assert.deepEqual(browser.names(), ['better-auth.dont_remember', TOKEN]);
        assert.equal(browser.cookie(TOKEN).maxAge, undefined);
        near(good(await client.getSession()).session.expiresAt, Date.now() + DAY);
        browser.reopen();
        assert.deepEqual(browser.names(), []);
        assert.equal(good(await client.getSession()), null);
        const moved = good(await client.signIn.email({ email, password, callbackURL: '/home' }));
        assert.equal(moved.redirect, true);
        assert.equal(moved.url, '/home');
        browser.reopen();
        assert.deepEqual(browser.names(), [TOKEN]);
    },

    async sessions() {
        const own = good(await laptop.client.getSession()).session;
        const all = good(await laptop.client.listSessions());
        assert.equal(all.length, 3);
        assert.ok(all.every(one => one.expiresAt instanceof Date && one.userId === user.id));
        assert.deepEqual(all.map(one => one.userAgent).sort(), ['Laptop', 'Phone', 'Phone']);
        assert.deepEqual(all.find(one => one.id === own.id), own);
        // One that is nobody's, and one's own of the phone.
        assert.deepEqual(good(await laptop.client.revokeSession({ token: 'x'.repeat(32) })), { status: true });
        assert.equal(good(await laptop.client.listSessions()).length, 3);
        const phones = good(await phone.client.getSession()).session;
        assert.deepEqual(good(await laptop.client.revokeSession({ token: phones.token })), { status: true });
        assert.equal(good(await phone.client.getSession()), null);
        assert.deepEqual(phone.browser.names(), []); // it was told
        bad(await phone.client.listSessions(), 401, 'UNAUTHORIZED');
        bad(await laptop.client.revokeSession({ token: 7 }), 400, 'VALIDATION_ERROR');
        good(await phone.client.signIn.email({ email, password }));
        assert.deepEqual(good(await laptop.client.revokeOtherSessions()), { status: true });
        assert.equal(good(await phone.client.getSession()), null);
        assert.equal(good(await laptop.client.listSessions()).length, 1);
        good(await phone.client.signIn.email({ email, password }));
        assert.deepEqual(good(await phone.client.revokeSessions()), { status: true });
        assert.deepEqual(phone.browser.names(), []);
        assert.equal(good(await laptop.client.getSession()), null);
        good(await laptop.client.signIn.email({ email, password }));
        const [account, ...others] = good(await laptop.client.listAccounts());
        assert.deepEqual(others, []);
        assert.deepEqual({ ...account, id: 0, createdAt: 0, updatedAt: 0 },
            { accountId: user.id, providerId: 'credential', userId: user.id, createdAt: 0, updatedAt: 0, id: 0, scopes: [] });
        bad(await laptop.client.unlinkAccount({ providerId: 'credential', accountId: account.id }), 400, 'FAILED_TO_UNLINK_LAST_ACCOUNT');
        assert.equal(await sql(`update session set "createdAt" = now() - interval '25 hours'`), 1);
        bad(await laptop.client.listSessions(), 403, 'SESSION_NOT_FRESH', 'Session is not fresh');
    },

    async change_password() {
        const { client, browser } = laptop;
        const change = (currentPassword, newPassword, more) => client.changePassword({ currentPassword, newPassword, ...more });
        bad(await change('wrong horse 1', 'another horse 2'), 400, 'INVALID_PASSWORD', 'Invalid password');
        bad(await change(password, 'short'), 400, 'PASSWORD_TOO_SHORT');
        bad(await change(password, 'x'.repeat(129)), 400, 'PASSWORD_TOO_LONG');
        const before = browser.cookie(TOKEN).value;
        const kept = good(await change(password, 'another horse 2'));
        assert.equal(kept.token, null);
        assert.equal(kept.user.id, user.id);
        assert.equal(browser.cookie(TOKEN).value, before);
        bad(await phone.client.signIn.email({ email, password }), 401, 'INVALID_EMAIL_OR_PASSWORD');
        password = 'another horse 2';
        good(await phone.client.signIn.email({ email, password }));
        const renewed = good(await change(password, 'ｔｈｉｒｄ horse 3', { revokeOtherSessions: true }));
        password = 'third horse 3'; // NFKC makes it the same
        assert.match(renewed.token, /^[A-Za-z0-9]{32}$/);
        assert.notEqual(browser.cookie(TOKEN).value, before);
        assert.equal(good(await client.getSession()).session.token, renewed.token);
        assert.equal(good(await phone.client.getSession()), null);
        assert.deepEqual(good(await client.verifyPassword({ password })), { status: true });
        bad(await client.verifyPassword({ password: 'wrong horse 1' }), 400, 'INVALID_PASSWORD');
    },

    async verification() {
        bad(await laptop.client.sendVerificationEmail({ email: 'other@example.com' }), 400, 'EMAIL_MISMATCH');
        assert.deepEqual(good(await phone.client.sendVerificationEmail({ email: 'nobody@example.com' })), { status: true });
        assert.deepEqual(good(await laptop.client.sendVerificationEmail({ email, callbackURL: '/welcome' })), { status: true });
        const link = new URL(await mail(email));
        const followed = await laptop.browser.fetch(link);
        assert.equal(followed.status, 302);
        assert.equal(followed.headers.get('location'), '/welcome');
        assert.equal(good(await laptop.client.getSession()).user.emailVerified, true);
        bad(await laptop.client.sendVerificationEmail({ email }), 400, 'EMAIL_ALREADY_VERIFIED', 'Email is already verified');
        const token = link.searchParams.get('token');
        assert.deepEqual(good(await phone.client.verifyEmail({ query: { token } })), { status: true, user: null });
        bad(await phone.client.verifyEmail({ query: { token: `${token}x` } }), 401, 'INVALID_TOKEN', 'Invalid token');
        const spoilt = await phone.browser.fetch(`${server}/api/auth/verify-email?token=x&callbackURL=%2Fwelcome`);
        assert.equal(spoilt.headers.get('location'), '/welcome?error=INVALID_TOKEN');
    },

    async change_email() {
        const { client, browser } = laptop;
        bad(await client.changeEmail({ newEmail: email }), 400, undefined, 'Email is the same');
        bad(await client.changeEmail({ newEmail: 'no address' }), 400, 'VALIDATION_ERROR');
        bad(await phone.client.changeEmail({ newEmail: 'ann@new.example' }), 401, 'UNAUTHORIZED');
        assert.deepEqual(good(await client.changeEmail({ newEmail: 'Ann@New.example', callbackURL: '/changed' })), { status: true });
        // The old address agrees, the new one is shown to be hers.
        for (const to of [email, 'ann@new.example']) {
            const followed = await browser.fetch(await mail(to));
            assert.equal(followed.status, 302);
            assert.equal(followed.headers.get('location'), '/changed');
        }
        assert.deepEqual(good(await client.getSession()).user.email, 'ann@new.example');
        bad(await phone.client.signIn.email({ email, password }), 401, 'INVALID_EMAIL_OR_PASSWORD');
        email = 'ann@new.example';
    },

    async forgotten_password() {
        const { client, browser } = phone;
        const asked = { status: true, message: 'If this email exists in our system, check your email for the reset link' };
        assert.deepEqual(good(await client.requestPasswordReset({ email: 'nobody@example.com', redirectTo: '/reset' })), asked);
        bad(await client.requestPasswordReset({ email, redirectTo: 'https://evil.example.net' }), 403, 'INVALID_REDIRECT_URL', 'Invalid redirectURL');
        assert.deepEqual(good(await client.requestPasswordReset({ email, redirectTo: '/reset' })), asked);
        const followed = await browser.fetch(await mail(email));
        assert.equal(followed.status, 302);
        const page = new URL(followed.headers.get('location'), site);
        assert.equal(page.pathname, '/reset');
        const token = page.searchParams.get('token');
        assert.match(token, /^[A-Za-z0-9]{24}$/);
        bad(await client.resetPassword({ newPassword: 'short', token }), 400, 'PASSWORD_TOO_SHORT');
        bad(await client.resetPassword({ newPassword: 'fourth horse 4', token: 'x'.repeat(24) }), 400, 'INVALID_TOKEN', 'Invalid token');
        assert.deepEqual(good(await client.resetPassword({ newPassword: 'fourth horse 4', token })), { status: true });
        bad(await client.resetPassword({ newPassword: 'fifth horse 5', token }), 400, 'INVALID_TOKEN');
        bad(await client.signIn.email({ email, password }), 401, 'INVALID_EMAIL_OR_PASSWORD');
        password = 'fourth horse 4';
        good(await client.signIn.email({ email, password }));
        assert.ok(good(await laptop.client.getSession())); // sessions live on, as the product has it
    },

    // What pages look at: the client keeps the session, and asks again by itself after what changes it.
    async session_store() {
        const { client } = laptop;
        const store = client.useSession;
        const seen = condition => new Promise(resolve => {
            const unsubscribe = store.subscribe(value => condition(value) && setTimeout(() => { unsubscribe(); resolve(value); }));
        });
        const keep = store.subscribe(() => {});
        await store.get().refetch();
        assert.equal(store.get().data.user.email, email);
        assert.equal(store.get().isPending, false);
        const renamed = seen(value => value.data?.user.name === 'Renamed');
        good(await client.updateUser({ name: 'Renamed' }));
        near((await renamed).data.session.expiresAt, Date.now() + 7 * DAY);
        const out = seen(value => !value.isRefetching && value.data === null);
        assert.deepEqual(good(await client.signOut()), { success: true });
        assert.equal((await out).error, null);
        keep();
    },

    async sign_out() {
        const { client, browser } = laptop;
        assert.deepEqual(browser.names(), []);
        assert.equal(good(await client.getSession()), null);
        assert.deepEqual(good(await client.signOut()), { success: true }); // of nobody
        const { session } = good(await phone.client.getSession());
        const held = phone.browser.cookie(TOKEN).value;
        assert.deepEqual(good(await phone.client.signOut()), { success: true });
        const thief = await fetch(`${server}/api/auth/get-session`, { headers: { cookie: `${TOKEN}=${held}` } });
        assert.equal(await thief.json(), null);
        assert.equal(await sql(`select 1 from session where token = '${session.token}'`), 0);
    },

    async delete_user() {
        const { client, browser } = laptop;
        bad(await client.deleteUser(), 401, 'UNAUTHORIZED');
        good(await client.signIn.email({ email, password }));
        bad(await client.deleteUser({ password: 'wrong horse 1' }), 400, 'INVALID_PASSWORD');
        await sql(`update session set "createdAt" = now() - interval '25 hours'`);
        bad(await client.deleteUser(), 400, 'SESSION_EXPIRED', 'Session expired. Re-authenticate to perform this action.');
        assert.deepEqual(good(await client.deleteUser({ password })), { success: true, message: 'User deleted' });
        assert.deepEqual(browser.names(), []);
        bad(await client.signIn.email({ email, password }), 401, 'INVALID_EMAIL_OR_PASSWORD');
        for (const table of ['"user"', 'session', 'account'])
            assert.equal(await sql(`select 1 from ${table}`), 0, table);
        // The address is free again.
        good(await client.signUp.email({ name: 'Ann', email, password }));
    },

    // What is no browser's: another site's page, and a program that says nothing of itself.
    async strangers() {
        const abroad = new Browser('https://evil.example.net');
        const client = createAuthClient({ baseURL: server, fetchOptions: { customFetchImpl: abroad.fetch } });
        bad(await client.signIn.email({ email, password }), 403, 'INVALID_ORIGIN', 'Invalid origin');
        assert.deepEqual(abroad.names(), []);
        const plain = createAuthClient({ baseURL: server }); // node's fetch names its mode, and no origin
        bad(await plain.signIn.email({ email, password }), 403, 'MISSING_OR_NULL_ORIGIN', 'Missing or null Origin');
        const page = await fetch(`${server}/api/auth/error?error=bad_thing`);
        assert.equal(page.status, 200);
        within(await page.text(), 'bad_thing');
    },
};

for (let line; (line = await hear()) !== undefined;) {
    try {
        await chapters[line.replace('run ', '')]();
        say('passed');
    } catch (error) {
        say('failed', error.stack);
    }
}
process.exit(0);
