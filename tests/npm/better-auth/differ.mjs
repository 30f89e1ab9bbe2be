// The same odd questions to the gateway and to the real Better Auth, on one database: prints each that is answered otherwise, but for
// what stands in KNOWN, with its reason.
import http from 'node:http';
import { say } from './lines.mjs';

const { OURS: ours, THEIRS: theirs, SITE: site } = process.env;

// By hand, so that nothing is added or made sound.
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
function ask(base, { method = 'GET', path, headers = {}, body }) {
    const { hostname, port } = new URL(base);
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
        const request = http.request({ hostname, port, method, path, headers: { ...headers, ...length }, agent }, response => {
            const parts = [];
            response.on('data', part => parts.push(part));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }));
        });
        request.on('error', reject);
        request.end(body);
    });
}

const plain = text => text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replace(/("(?:id|token|userId)":)"[A-Za-z0-9]{32}"/g, '$1"<id>"');
const cookies = list => (list ?? []).map(line => line.replace(/=([^;]+)/, (_, value) => (value ? '=<value>' : '=')));

function seen(reply) {
    let body = plain(reply.body);
    if (/html/.test(reply.headers['content-type'] ?? ''))
        body = '<page>';
    return JSON.stringify({
        status: reply.status,
        type: reply.headers['content-type'],
        cache: reply.headers['cache-control'],
        location: reply.headers.location,
        cookies: cookies(reply.headers['set-cookie']),
        body,
    });
}

const base = '/api/auth';
const json = (path, value, more = {}) => ({ method: 'POST', path: `${base}${path}`, body: typeof value === 'string' ? value : JSON.stringify(value), headers: { 'content-type': 'application/json', origin: site, ...more } });
const get = (path, more = {}) => ({ path: `${base}${path}`, headers: more });

const password = 'correct horse 1';
const email = `differ-${Date.now()}@example.com`;
const made = await ask(ours, json('/sign-up/email', { name: 'D', email, password }));
const cookie = made.headers['set-cookie'][0].split(';')[0];

const cases = [];

// Routes that are there and some that are not: each method, odd paths, bodies of no use, and types.
const ROUTES = ['/sign-up/email', '/sign-in/email', '/sign-out', '/get-session', '/list-sessions', '/revoke-session', '/revoke-sessions', '/revoke-other-sessions', '/update-user', '/update-session',
    '/change-password', '/verify-password', '/set-password', '/list-accounts', '/request-password-reset', '/reset-password', '/reset-password/abc', '/send-verification-email', '/verify-email',
    '/change-email', '/delete-user', '/delete-user/callback', '/ok', '/error', '/sign-in/social', '/link-social', '/unlink-account', '/refresh-token', '/get-access-token', '/account-info',
    '/callback/github', '/forget-password', '/', '/nope', '/sign-in', '/sign-in/username', '/.well-known/openid-configuration', '/token'];
const WITHOUT_BODY = ['/sign-out', '/revoke-sessions', '/revoke-other-sessions', '/delete-user']; // would do what they say
for (const route of ROUTES) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
        cases.push({ method, path: `${base}${route}`, headers: { origin: site } });
    for (const suffix of ['/', '?', '/more', '%20', '%00', '//'])
        cases.push(get(`${route}${suffix}`));
    if (WITHOUT_BODY.includes(route))
        continue;
    for (const body of ['', '{}', '[]', 'null', '"x"', '{', '{"a":1}', '\ufeff{}']) {
        cases.push(json(route, body));
        cases.push(json(route, body, { cookie }));
    }
    for (const type of ['text/plain', 'application/json; charset=latin1', 'APPLICATION/JSON', 'application/x-www-form-urlencoded', 'application/problem+json', ';', 'application/json,text/plain'])
        cases.push({ method: 'POST', path: `${base}${route}`, body: 'a=b', headers: { 'content-type': type, origin: site } });
}

// Where links and sign-ins may lead.
const CALLBACKS = ['/', '/a', '//a', '/\\a', '/%2F', '/%2f%2fevil.example', '/%5C', '/a?b=%2F', '/a#b', '/a?b=c#d', '/a b', '/a\tb', '/ä', '/日本', 'a', './a', '../a', '?a', '#a', '', ' ', ' /a', '/a\n', site, `${site}/`,
    `${site}/a`, `${site}.evil.example`, `${site}@evil.example/`, 'http://localhost:3000/x', 'http://LOCALHOST:3000/x', 'http://localhost:3000@evil.example', 'http://localhost/x', 'https://localhost:8080/x',
    'javascript:alert(1)', 'data:text/html,x', 'mailto:a@b', 'http://[::1]/', 'http://127.0.0.1:8080/', '/a;b', '/a:b', '/:a', '/a@b', '/a%', '/a%zz', '/%00', '/a\u0000', '/a"b', "/a'b", '/a<b>', '/a|b', '/a`', '/{a}',
    '/a=b&c', '/a+b', '/~a', '/(a)', '/[a]', '/^', 'http://localhost:8080:80/', '/?', '/a//b', '/a?x=http://evil.example', '/a?x=\\', '/a#\\', 'myapp://x', null, 0, 1, false, true, {}, [], ['/a']];
for (const callbackURL of CALLBACKS) {
    cases.push(json('/request-password-reset', { email: 'nobody@example.com', redirectTo: callbackURL }));
    for (const member of ['callbackURL', 'errorCallbackURL', 'newUserCallbackURL'])
        cases.push(json('/sign-out', { [member]: callbackURL }));
    if (typeof callbackURL === 'string') {
        const encoded = encodeURIComponent(callbackURL);
        cases.push(get(`/reset-password/abc?callbackURL=${encoded}`));
        cases.push(get(`/verify-email?token=x&callbackURL=${encoded}`));
        cases.push(get(`/delete-user/callback?token=x&callbackURL=${encoded}`));
        cases.push(get(`/delete-user/callback?token=x&callbackURL=${encoded}`, { cookie }));
    }
}
for (const callbackURL of ['/', '/a?b#c', '/a b', `${site}/a`, 'a', 7])
    cases.push(json('/sign-in/email', { email, password, callbackURL }));

// Who may post.
const ORIGINS = [site, 'http://localhost:3000', 'http://localhost:3000/', 'http://localhost:3001', 'http://LOCALHOST:3000', 'https://localhost:3000', 'null', '', 'http://localhost:3000.evil.example', 'http://evil.example',
    'localhost:3000', '//localhost:3000', 'http://localhost:3000/path', 'http://localhost:3000?x', 'http://localhost:3000@evil.example', 'ftp://localhost:3000', 'http://', 'http', 'file://',
    'http://localhost:3000, http://evil.example', 'http://[::1]:3000', 'http://127.0.0.1:3000', 'HTTP://localhost:3000'];
const NOBODY = { email: 'nobody@example.com', password: 'x' };
for (const value of ORIGINS) {
    for (const name of ['origin', 'referer']) {
        const shown = { origin: undefined, [name]: value };
        const post = (path, body, more) => ({ ...json(path, body), headers: JSON.parse(JSON.stringify({ 'content-type': 'application/json', ...shown, ...more })) });
        cases.push(post('/update-user', {}, { cookie }));
        cases.push(post('/sign-in/email', NOBODY, {}));
        cases.push(post('/sign-in/email', NOBODY, { 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'same-origin' }));
        cases.push(post('/sign-in/email', NOBODY, { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' }));
    }
}

// Addresses.
const EMAILS = ['a@b.co', 'A@B.CO', 'a@b', 'a', '', ' ', '@b.co', 'a@', 'a@@b.co', 'a.@b.co', '.a@b.co', 'a..b@b.co', "a'b@b.co", "a'@b.co", 'a+b@b.co', 'a_b@b.co', '-a@b.co', 'a-@b.co', 'a@-b.co', 'a@b-.co', 'a@b..co',
    'a@b.c', 'a@b.co.', 'a@b.c0', 'a@1.co', 'a@1.2.3.4', 'a@[1.2.3.4]', 'a b@b.co', ' a@b.co', 'a@b.co ', '"a"@b.co', 'a!b@b.co', 'a#b@b.co', 'a/b@b.co', 'ä@b.co', 'a@ä.co', 'a@xn--4ca.co', 'a@b_c.co', 'a@b.xn--p1ai',
    'a\u0000@b.co', 'a@b.co\n', `${'x'.repeat(300)}@b.co`, 'a@b.c-o', 'a=b@b.co', 'a%b@b.co', 'a@b.co,c@d.co', 1, null, {}, [], true];
for (const value of EMAILS) {
    cases.push(json('/sign-up/email', { email: value, password: 'short', name: 'x' }));
    cases.push(json('/request-password-reset', { email: value }));
    cases.push(json('/send-verification-email', { email: value }, { cookie }));
    cases.push(json('/change-email', { newEmail: value }));
}

// Fields of every kind.
const ODD = [undefined, null, 0, 1.5, true, false, '', 'x', [], {}, ['x'], { a: 1 }, 'x'.repeat(200)];
const FIELDS = {
    '/sign-in/email': ['email', 'password', 'rememberMe', 'callbackURL'],
    '/sign-up/email': ['name', 'email', 'password', 'image', 'rememberMe', 'callbackURL'],
    '/revoke-session': ['token'],
    '/change-password': ['currentPassword', 'newPassword', 'revokeOtherSessions'],
    '/verify-password': ['password'],
    '/request-password-reset': ['email', 'redirectTo'],
    '/reset-password': ['newPassword', 'token'],
    '/change-email': ['newEmail', 'callbackURL'],
    '/sign-out': ['callbackURL', 'disableRedirect', 'state'],
};
const SOUND = { email: 'no address', password: 'short', name: 'x', token: 'x', currentPassword: 'wrong horse 1', newPassword: 'short', newEmail: 'no address' };
for (const [route, fields] of Object.entries(FIELDS)) {
    for (const field of fields) {
        for (const value of ODD) {
            const body = { ...Object.fromEntries(fields.filter(name => name in SOUND).map(name => [name, SOUND[name]])), [field]: value };
            cases.push(json(route, body));
            if (route !== '/sign-out')
                cases.push(json(route, body, { cookie }));
        }
    }
}
for (const value of ODD) {
    cases.push(json('/update-user', { name: value }, { cookie }));
    cases.push(json('/update-user', { image: value }, { cookie }));
    cases.push(json('/update-user', { email: value, name: 'x' }, { cookie }));
    cases.push(json('/update-session', { a: value }, { cookie }));
}

// Queries, and cookies.
for (const query of ['?disableCookieCache=true', '?disableRefresh', '?x=y', '?disableRefresh[]=1', '?%', '?a=%zz', '?token=x', '?error=x', '?error=<b>', "?error=a'b-c_d", '?error=a&error_description=b', '?error=%00', '?accountId=x', '?accountId=']) {
    for (const route of ['/get-session', '/list-accounts', '/ok', '/error', '/verify-email', '/delete-user/callback', '/reset-password/x', '/account-info', '/callback/github']) {
        cases.push(get(`${route}${query}`));
        cases.push(get(`${route}${query}`, { cookie }));
    }
}
const token = cookie.slice(cookie.indexOf('=') + 1);
const [bare, signature] = decodeURIComponent(token).split('.');
for (const value of [cookie, `${cookie}x`, cookie.slice(0, -1), `a=b; ${cookie}`, `${cookie}; ${cookie}x`, `${cookie}x; ${cookie}`, `better-auth.session_token="${token}"`, `better-auth.session_token='${token}'`,
    `better-auth.session_token = ${token}`, `better-auth.session_token=${bare}.${signature}`, `better-auth.session_token=${bare}`, `better-auth.session_token=.${signature}`, `better-auth.session_token=${token.replaceAll('%3D', '=')}`,
    `better-auth.session_token=${encodeURIComponent(token)}`, `BETTER-AUTH.SESSION_TOKEN=${token}`, `__Secure-better-auth.session_token=${token}`, 'better-auth.session_token=', 'better-auth.session_token', ';', '=', `=;${cookie}`,
    `${cookie},a=b`, `${cookie}; better-auth.session_data=x`, 'better-auth.session_data=x', `${cookie}; better-auth.dont_remember=true`, `${cookie}; better-auth.dont_remember=true.x`, 'better-auth.session_token=%',
    `better-auth.session_token=%zz.${token}`, 'better-auth.session_token=a.b.c', `${cookie}\t; a=b`, `${cookie};;`]) {
    cases.push(get('/get-session', { cookie: value }));
    cases.push(get('/list-accounts', { cookie: value }));
    cases.push(json('/update-user', {}, { cookie: value }));
}

// What is answered otherwise, on purpose or because it is not worth being the same.
const KNOWN = [
    [({ path }) => /\/(sign-in\/social|link-social|refresh-token|get-access-token|unlink-account|callback\/github)/.test(path), 'sentences about the fields of routes for other providers, of which there are none here'],
    [({ path, body }) => path.endsWith('/update-user') && /\[|\{"(name|image)":\{/.test(body ?? ''), 'a name or picture that is an array or an object is refused, not stored as text'],
    [({ path, body }) => path.endsWith('/sign-up/email') && body?.includes('"password":[]'), 'the second sentence about an empty array'],
    [({ path }) => /callbackURL=.*(LOCALHOST|%2F\.|8080$|%3Fx%3D|b%3Dc)/.test(path), 'the page that a link leads to is not spelled anew, only made sound'],
];
let differ = 0;
const known = new Map();
// One after the other: they may change the same rows.
for (const one of cases) {
    const here = seen(await ask(ours, one));
    const there = seen(await ask(theirs, one));
    if (here === there)
        continue;
    const reason = KNOWN.find(([is]) => is(one))?.[1];
    if (reason) {
        known.set(reason, (known.get(reason) ?? 0) + 1);
        continue;
    }
    differ++;
    say(`differs: ${JSON.stringify(one)}\n   ours   ${here}\n   theirs ${there}`);
}
for (const [, reason] of KNOWN) {
    say(`known: ${known.get(reason) ?? 0}: ${reason}`);
    if (!known.has(reason)) {
        differ++;
        say('differs: the line above is of no use any more');
    }
}
say(`asked: ${cases.length}`);
process.exit(differ ? 1 : 0);
