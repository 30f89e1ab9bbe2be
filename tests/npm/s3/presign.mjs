// Requests that the official client signs, in URLs and in headers, as tests/fixtures/sigv4/README.md writes them: keys, headers and times
// of every kind, the same ones for the same seed.
//
//   node presign.mjs CASES SEED
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const [cases, seed] = process.argv.slice(2).map(Number);

// mulberry32
let state = seed >>> 0;
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const PIECES = [
    'photos', 'a', 'Z', '0', '-', '_', '.', '~', ' ', '  ', '+', '%', '%20', '%2F', '/', '//', '&', '=', '?', '#', ';', ':', '@', '$', ',', "'", '"',
    '(', ')', '[', ']', '{', '}', '<', '>', '|', '\\', '^', '`', '!', '*', 'ü', 'é', '日本語', '🎉', 'ß', '\u00a0', '..', './', '~x',
];
function text(pieces, max) {
    let made = '';
    for (let n = 1 + below(pieces); n > 0; n--) made += pick(PIECES);
    while (Buffer.byteLength(made) > max) made = [...made].slice(0, -1).join('');
    return made;
}
// S3's longest, now and then; "." and ".." as a whole piece some clients resolve before they sign, and no store can tell.
function key() {
    let made = pick([() => text(4, 64), () => text(40, 512), () => text(600, 1024), () => `pending/${below(1e9)}/${below(1e9)}`])();
    made = made.replace(/^\/+/, '').replace(/(^|\/)\.\.?(?=\/|$)/g, '$1dots');
    return made === '' ? 'k' : made;
}
const header = () => pick(['image/png', 'image/webp', 'text/plain; charset=utf-8', 'a  b', 'a \t b', 'max-age=86400, immutable', `v${below(1e6)}`]);
const secret = () => Array.from({ length: 1 + below(60) }, () => String.fromCharCode(33 + below(94))).join('');

const escape = (value) => value.replace(/[%\u0000-\u001f\u007f]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));
const line = (...fields) => console.log(fields.map((field) => escape(String(field))).join('\t'));

function command() {
    const where = { Bucket: 'quintet', Key: key() };
    const put = { ...where, ContentType: header(), ContentLength: below(10485760) + 1 };
    if (random() < 0.5) put.IfNoneMatch = '*';
    if (random() < 0.3) put.CacheControl = header();
    if (random() < 0.3) put.ChecksumSHA256 = Buffer.from(text(9, 32).padEnd(32, 'x')).subarray(0, 32).toString('base64');
    if (random() < 0.2) put.Metadata = { name: `m${below(1e6)}` };
    const get = { ...where };
    if (random() < 0.3) get.ResponseContentType = text(6, 60);
    if (random() < 0.3) get.ResponseContentDisposition = `attachment; filename="${text(6, 60)}"`;
    if (random() < 0.2) get.Range = 'bytes=0-99';
    const list = { Bucket: 'quintet', Prefix: text(6, 60), MaxKeys: 1 + below(1000), StartAfter: random() < 0.5 ? key() : undefined };
    return pick([
        () => new PutObjectCommand(put),
        () => new GetObjectCommand(get),
        () => new HeadObjectCommand(where),
        () => new DeleteObjectCommand(where),
        () => new ListObjectsV2Command(list),
    ])();
}

const SIGNABLE = ['content-type', 'content-length', 'if-none-match', 'cache-control', 'x-amz-checksum-sha256', 'range'];
const OWN = new Set(['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature']);

function begin(name, at, request, path, credentials, region) {
    line('case', name);
    line('key', credentials.accessKeyId, credentials.secretAccessKey, region, 's3');
    line('method', request.method);
    line('host', request.headers.host);
    line('path', path);
    line('time', at.toISOString());
}

for (let i = 0; i < cases; i++) {
    const region = pick(['auto', 'us-east-1', 'weur']);
    const credentials = { accessKeyId: `AK${below(1e9)}`, secretAccessKey: secret() };
    const at = new Date(Date.UTC(1980 + below(100), below(12), 1 + below(28), below(24), below(60), below(60), below(1000)));
    let request; // what would be sent
    const client = new S3Client({
        endpoint: pick(['http://127.0.0.1:8081', 'https://acc.r2.cloudflarestorage.com', 'http://[::1]:9000', 'https://s3.example:444']),
        region,
        credentials,
        forcePathStyle: true,
        maxAttempts: 1,
        requestHandler: { handle: (sent) => ((request = sent), Promise.reject(new Error('not sent'))) },
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        systemClockOffset: at.getTime() - Date.now(),
    });
    const asked = command();
    const path = '/quintet/' + (asked.input.Key ?? '');
    if (random() < 0.3) {
        await client.send(asked).catch(() => undefined);
        const authorization = request.headers.authorization;
        const stamp = request.headers['x-amz-date'];
        begin(`${i} header`, at, request, path, credentials, region);
        for (const [name, value] of Object.entries(request.query)) line('query', name, value ?? '');
        for (const name of /SignedHeaders=([^,]+)/.exec(authorization)[1].split(';'))
            if (name !== 'host') line('header', name, request.headers[name]);
        // The clock ran on while it was signed.
        line('time', stamp.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
        line('payload', request.headers['x-amz-content-sha256']);
        line('authorization', authorization);
    } else {
        const expiresIn = 1 + below(604800);
        const sign = SIGNABLE.filter(() => random() < 0.5);
        const input = asked.input;
        const signed = await getSignedUrl(client, asked, {
            expiresIn,
            signingDate: at,
            signableHeaders: new Set(['host', ...sign]),
            unhoistableHeaders: new Set(sign.filter((name) => name.startsWith('x-amz-'))),
        });
        const url = new URL(signed);
        const [target, query] = signed.slice(signed.indexOf('/', 8)).split(/\?(.*)/s);
        const values = {
            'content-type': input.ContentType,
            'content-length': input.ContentLength,
            'if-none-match': input.IfNoneMatch,
            'cache-control': input.CacheControl,
            'x-amz-checksum-sha256': input.ChecksumSHA256,
            range: input.Range,
        };
        begin(`${i} query`, at, { method: methodOf(asked), headers: { host: url.host } }, path, credentials, region);
        for (const [name, value] of url.searchParams) if (!OWN.has(name)) line('query', name, value);
        for (const name of url.searchParams.get('X-Amz-SignedHeaders').split(';')) if (name !== 'host') line('header', name, values[name]);
        line('expires', expiresIn);
        // The same parameters in the same order, but for the signature, which comes last here.
        const parts = query.split('&').filter((part) => !part.startsWith('X-Amz-Signature='));
        line('target', `${target}?${[...parts, `X-Amz-Signature=${url.searchParams.get('X-Amz-Signature')}`].join('&')}`);
    }
    console.log();
}

function methodOf(asked) {
    return { PutObjectCommand: 'PUT', HeadObjectCommand: 'HEAD', DeleteObjectCommand: 'DELETE' }[asked.constructor.name] ?? 'GET';
}
