// A bucket on a free port, until SIGTERM or, when its standard input is a pipe, until that is closed. Prints its address, a line,
// when it listens.
//
//   node s3rver.mjs --folder DIR --bucket NAME --key ID --secret TEXT [--region auto] [--address 127.0.0.1] [--port N] [--public]
//
// s3rver keeps the objects, but takes any signature of version 4 for good, and knows neither If-None-Match on a PUT nor checksums. So a
// door stands before it that sees to them as S3 does: signatures are made again by the official client's own code and compared; the body
// must be of the length and the hashes that were said. What passes goes on without its signature. --public: GET and HEAD of objects need
// none, as behind a public domain.
import crypto, { createHash, timingSafeEqual } from 'node:crypto';
import { fstatSync } from 'node:fs';
import http from 'node:http';
import { parseArgs } from 'node:util';

import { SignatureV4 } from '@smithy/signature-v4';
import S3rver from 's3rver';
import { Sha256 } from './sha256.mjs';

const { values: set } = parseArgs({
    options: {
        folder: { type: 'string' },
        bucket: { type: 'string' },
        key: { type: 'string' },
        secret: { type: 'string' },
        region: { type: 'string', default: 'auto' },
        address: { type: 'string', default: '127.0.0.1' },
        port: { type: 'string', default: '0' },
        public: { type: 'boolean', default: false },
    },
});
for (const name of ['folder', 'bucket', 'key', 'secret']) if (!set[name]) throw new Error(`--${name} is missing`);

const BODY_MAX = 32 * 1024 * 1024;
const SKEW_MAX_MS = 15 * 60 * 1000;
const credentials = { accessKeyId: set.key, secretAccessKey: set.secret };
const signer = new SignatureV4({ service: 's3', region: set.region, credentials, sha256: Sha256, uriEscapePath: false });

class Refusal extends Error {
    constructor(status, code, message) {
        super(message);
        Object.assign(this, { status, code });
    }
}

// "20261123T041556Z"
function toMs(stamp) {
    const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp ?? '');
    if (!parts) throw new Refusal(400, 'AuthorizationQueryParametersError', 'The time is malformed');
    const [year, month, day, hour, minute, second] = parts.slice(1).map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second);
}

// What the request says of its signature, from its query or its header.
function claimOf(req, url) {
    const query = Object.fromEntries(url.searchParams);
    if (query['X-Amz-Signature']) {
        const expires = Number(query['X-Amz-Expires']);
        if (!(expires >= 1 && expires <= 604800))
            throw new Refusal(400, 'AuthorizationQueryParametersError', 'X-Amz-Expires is malformed');
        return {
            credential: query['X-Amz-Credential'] ?? '',
            names: query['X-Amz-SignedHeaders'] ?? '',
            signature: query['X-Amz-Signature'],
            stamp: query['X-Amz-Date'],
            expires,
            payload: req.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
        };
    }
    const parts = /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)$/.exec(
        req.headers.authorization ?? '',
    );
    if (!parts) return null;
    const payload = req.headers['x-amz-content-sha256'];
    if (!payload) throw new Refusal(400, 'InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
    const [, credential, names, signature] = parts;
    return { credential, names, signature, stamp: req.headers['x-amz-date'], payload };
}

async function checkSignature(req, url, claim) {
    const [id, day, region, ...rest] = claim.credential.split('/');
    if (id !== set.key) throw new Refusal(403, 'InvalidAccessKeyId', 'The key is not known');
    if (region !== set.region || rest.join('/') !== 's3/aws4_request' || !claim.stamp?.startsWith(day))
        throw new Refusal(400, 'AuthorizationHeaderMalformed', "The credential's scope is of elsewhere");
    const signed = toMs(claim.stamp);
    const late = Date.now() - signed;
    if (-late > SKEW_MAX_MS || (!claim.expires && late > SKEW_MAX_MS))
        throw new Refusal(403, 'RequestTimeTooSkewed', 'The clocks are too far apart');
    if (claim.expires && late >= claim.expires * 1000) throw new Refusal(403, 'AccessDenied', 'Request has expired');

    const headers = {};
    for (const name of claim.names.split(';')) {
        if (req.headers[name] === undefined) throw new Refusal(403, 'AccessDenied', `The signed header ${name} is not there`);
        headers[name] = req.headers[name].replace(/ +/g, ' ').trim();
    }
    if (headers.host === undefined) throw new Refusal(403, 'AccessDenied', 'The host is not signed');
    for (const name of Object.keys(req.headers))
        if (name.startsWith('x-amz-') && headers[name] === undefined)
            throw new Refusal(403, 'AccessDenied', `The header ${name} is not signed`);
    const query = {};
    for (const [name, value] of url.searchParams) if (name !== 'X-Amz-Signature') query[name] = value;
    const request = { method: req.method, path: req.url.split('?')[0], query };
    const again = await signer.getSignature(
        claim.stamp,
        `${day}/${region}/s3/aws4_request`,
        signer.getSigningKey(credentials, region, day, 's3'),
        signer.createCanonicalRequest(request, headers, claim.payload),
    );
    const [a, b] = [Buffer.from(again), Buffer.from(claim.signature)];
    if (a.length !== b.length || !timingSafeEqual(a, b))
        throw new Refusal(403, 'SignatureDoesNotMatch', 'The signature is of another request');
}

async function bodyOf(req) {
    const pieces = [];
    let length = 0;
    for await (const piece of req) {
        length += piece.length;
        if (length > BODY_MAX) throw new Refusal(400, 'EntityTooLarge', 'The body is too large');
        pieces.push(piece);
    }
    return Buffer.concat(pieces);
}

function checkBody(req, claim, body) {
    const hash = (kind, encoding) => createHash(kind).update(body).digest(encoding);
    if (claim.payload.startsWith('STREAMING-')) throw new Refusal(501, 'NotImplemented', 'No bodies in signed chunks here');
    if (claim.payload !== 'UNSIGNED-PAYLOAD' && claim.payload !== hash('sha256', 'hex'))
        throw new Refusal(400, 'XAmzContentSHA256Mismatch', 'The body is not of the hash that was signed');
    const checks = [
        ['content-md5', 'md5'],
        ['x-amz-checksum-sha256', 'sha256'],
        ['x-amz-checksum-sha1', 'sha1'],
    ];
    for (const [name, kind] of checks)
        if (req.headers[name] !== undefined && req.headers[name] !== hash(kind, 'base64'))
            throw new Refusal(400, 'BadDigest', `The body is not of the hash in ${name}`);
}

// One request to s3rver, without what was for the door.
function pass(req, url, method, body) {
    for (const name of [...url.searchParams.keys()]) if (/^x-amz-/i.test(name)) url.searchParams.delete(name);
    const headers = { ...req.headers };
    for (const name of ['authorization', 'transfer-encoding', 'content-length', 'connection', 'expect']) delete headers[name];
    const sends = method === 'PUT' || method === 'POST';
    if (sends) headers['content-length'] = String(body.length);
    if (req.method === 'PUT') delete headers['if-none-match']; // the door's business; s3rver would answer a HEAD with 304
    const path = req.url.split('?')[0] + url.search;
    return new Promise((resolve, reject) => {
        const onward = http.request({ host: inner.address, port: inner.port, method, path, headers }, resolve);
        onward.on('error', reject);
        onward.end(sends ? body : undefined);
    });
}

// s3rver makes and removes folders for keys: a PUT or a listing beside a DELETE may miss one and fail, or end the process. So these go one by one.
let turn = Promise.resolve();
function inTurn(work) {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
}

// What changes folders. Deleting what is not there is no error of S3's, but one of s3rver's when its folder is not there either: null.
async function change(req, url, method, body) {
    if (method === 'DELETE') {
        const there = await pass(req, new URL(url.pathname, url), 'HEAD', undefined);
        there.resume();
        if (there.statusCode === 404) return null;
    }
    return pass(req, url, method, body);
}

const writing = new Set(); // keys whose first PUT is under way: If-None-Match must let one of two through

async function handle(req, res) {
    const url = new URL(req.url, 'http://door');
    const [path, method] = [req.url.split('?')[0], req.method];
    const body = await bodyOf(req);
    const free = method === 'OPTIONS' || (set.public && (method === 'GET' || method === 'HEAD') && path.split('/').length > 2);
    const claim = claimOf(req, url);
    if (!claim && !free) throw new Refusal(403, 'AccessDenied', 'Access Denied');
    if (claim) {
        await checkSignature(req, url, claim);
        checkBody(req, claim, body);
    }
    const once = method === 'PUT' && req.headers['if-none-match'] === '*';
    if (once) {
        if (writing.has(path)) throw new Refusal(409, 'ConditionalRequestConflict', 'Another request for this key is under way');
        writing.add(path);
    }
    try {
        if (once) {
            const there = await pass(req, new URL(url.pathname, url), 'HEAD', undefined);
            there.resume();
            if (there.statusCode === 200) throw new Refusal(412, 'PreconditionFailed', 'The key is taken');
        }
        const shares = (method === 'GET' || method === 'HEAD') && path.split('/').length > 2; // of an object
        const answer = await (shares ? pass(req, url, method, body) : inTurn(() => change(req, url, method, body)));
        if (!answer) return res.writeHead(204).end();
        res.writeHead(answer.statusCode, answer.rawHeaders);
        for await (const piece of answer) res.write(piece);
        res.end();
    } finally {
        if (once) writing.delete(path);
    }
}

function refuse(req, res, error) {
    const known = error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error));
    if (res.headersSent) return res.destroy();
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${known.code}</Code><Message>${known.message}</Message></Error>`;
    res.writeHead(known.status, { 'Content-Type': 'application/xml', 'Content-Length': xml.length });
    res.end(req.method === 'HEAD' ? undefined : xml);
}

// Its continuation tokens are enciphered with DES, which OpenSSL 3 has put away; three times with one key is the same.
for (const name of ['createCipheriv', 'createDecipheriv']) {
    const make = crypto[name];
    crypto[name] = (kind, key, iv) =>
        kind === 'des' ? make('des-ede3-cbc', Buffer.concat([key, key, key]), iv) : make(kind, key, iv);
}
const store = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: set.folder,
    vhostBuckets: false,
    configureBuckets: [{ name: set.bucket }],
});
const inner = await store.run();
const door = http.createServer({ keepAliveTimeout: 30_000 }, (req, res) => {
    handle(req, res).catch((error) => refuse(req, res, error));
});
door.listen(Number(set.port), set.address, () => console.log(`http://${set.address}:${door.address().port}`));
process.on('SIGTERM', () => process.exit(0));
if (fstatSync(0).isFIFO()) process.stdin.on('end', () => process.exit(0)).resume();
