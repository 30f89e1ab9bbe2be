// The session token out of a Cookie header, by the rules that services/auth/cookie.c and Better Auth keep: the first
// cookie of the name counts, quotes fall away, `value.signature` is percent-encoded, and the signature is
// base64(HMAC-SHA256(secret, value)).
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

const NAME = 'better-auth.session_token';
const SIGNATURE_LENGTH = 44;

function find(header) {
    for (const pair of header.split(';')) {
        const equals = pair.indexOf('=');
        if (equals < 0 || pair.slice(0, equals).trim() !== NAME)
            continue;
        const value = pair.slice(equals + 1).trim();
        return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
    return '';
}

function decode(raw) {
    try {
        return raw.includes('%') ? decodeURIComponent(raw) : raw;
    } catch {
        return raw;
    }
}

// Returns a function of the Cookie header (or undefined): the token, or null where there is none that we signed.
export function tokenReader(secret) {
    const key = createSecretKey(Buffer.from(secret, 'utf8'));
    return header => {
        const text = header ? decode(find(header)) : '';
        const dot = text.lastIndexOf('.');
        if (dot <= 0 || text.length - dot - 1 !== SIGNATURE_LENGTH)
            return null;
        const value = text.slice(0, dot);
        const expected = Buffer.from(createHmac('sha256', key).update(value).digest('base64'), 'latin1');
        const shown = Buffer.from(text.slice(dot + 1), 'utf8');
        return shown.length === expected.length && timingSafeEqual(shown, expected) && !value.includes('\0') ? value : null;
    };
}
