// The official client and its presigner at work on a store that speaks S3. A line a check; exit code 1 when one fails.
//
//   node client.mjs ADDRESS BUCKET KEY SECRET       the bucket is empty, and empty again in the end
import { createHash } from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';
import {
    CopyObjectCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadBucketCommand, HeadObjectCommand,
    ListObjectsV2Command, paginateListObjectsV2, PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SignatureV4 } from '@smithy/signature-v4';
import { Sha256 } from './sha256.mjs';

const [endpoint, Bucket, accessKeyId, secretAccessKey] = process.argv.slice(2);
const credentials = { accessKeyId, secretAccessKey };
const options = { endpoint, region: 'auto', forcePathStyle: true, credentials, maxAttempts: 1 };
const client = new S3Client(options);
const quiet = new S3Client({ ...options, requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' });

let failed = 0;
async function check(what, run) {
    try {
        await run();
        console.log(`ok ${what}`);
    } catch (error) {
        failed++;
        console.log(`not ok ${what}: ${error?.stack ?? error}`.replaceAll('\n', ' | '));
    }
}
function same(is, wanted, what = 'value') {
    if (JSON.stringify(is) !== JSON.stringify(wanted)) throw new Error(`${what} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`);
}
async function refused(status, code, run) {
    let error;
    await run().catch((caught) => (error = caught));
    if (!error) throw new Error(`was not refused with ${code}`);
    same([error.$metadata?.httpStatusCode, error.name], [status, code], 'the refusal');
}
const send = (Command, input, by = client) => by.send(new Command({ Bucket, ...input }));
const put = (Key, Body, more = {}, by = client) => send(PutObjectCommand, { Key, Body, ContentType: 'image/png', ...more }, by);
const read = async (Key, more = {}) => Buffer.from(await (await send(GetObjectCommand, { Key, ...more })).Body.transformToByteArray());
const base64 = (kind, bytes) => createHash(kind).update(bytes).digest('base64');
function bytesOf(length) {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255;
    return bytes;
}
const keysOf = (answer) => (answer.Contents ?? []).map((entry) => entry.Key);

const small = Buffer.from('hello');

await check('the bucket is there, another is not', async () => {
    await send(HeadBucketCommand, {});
    const another = client.send(new HeadBucketCommand({ Bucket: 'another' }));
    same(await another.catch((error) => error.$metadata.httpStatusCode), 403);
});
await check('what is put can be read', async () => {
    const put1 = await put('photos/a/1.png', small, { CacheControl: 'public, max-age=86400, immutable' });
    same(await read('photos/a/1.png'), small);
    const head = await send(HeadObjectCommand, { Key: 'photos/a/1.png' });
    same([head.ContentLength, head.ContentType, head.ETag], [5, 'image/png', put1.ETag]);
    same(head.CacheControl, 'public, max-age=86400, immutable');
    if (Math.abs(head.LastModified - Date.now()) > 60_000) throw new Error(`last modified ${head.LastModified}`);
});
for (const length of [0, 1, 70_001, 3_000_000, 10_485_760])
    await check(`a buffer of ${length} bytes`, async () => {
        await put('pending/u/buffer', bytesOf(length));
        same((await read('pending/u/buffer')).equals(bytesOf(length)), true);
    });
for (const length of [0, 1, 200_000, 10_485_760])
    await check(`a stream of ${length} bytes, its checksum behind it`, async () => {
        const body = bytesOf(length);
        const pieces = [];
        for (let at = 0, size = 1; at < length; at += size, size = Math.min(size * 3, 65_536)) pieces.push(body.subarray(at, at + size));
        await put('pending/u/stream', Readable.from(pieces), { ContentLength: length });
        same((await read('pending/u/stream')).equals(body), true);
    });
await check('a stream of another length than announced is refused', async () => {
    for (const said of [4, 6])
        await refused(400, 'IncompleteBody', () => put('pending/u/lying', Readable.from([small]), { ContentLength: said }));
    await refused(404, 'NotFound', () => send(HeadObjectCommand, { Key: 'pending/u/lying' }));
});
for (const [what, input] of [
    ['x-amz-checksum-sha256', { ChecksumSHA256: base64('sha256', 'other') }],
    ['x-amz-checksum-sha1', { ChecksumSHA1: base64('sha1', 'other') }],
    ['x-amz-checksum-crc32', { ChecksumCRC32: 'AAAAAA==' }],
    ['Content-MD5', { ContentMD5: base64('md5', 'other') }],
])
    await check(`a wrong ${what} is refused, and leaves nothing`, async () => {
        await refused(400, 'BadDigest', () => put('pending/u/digest', small, input));
        await refused(404, 'NotFound', () => send(HeadObjectCommand, { Key: 'pending/u/digest' }));
    });
await check('right checksums are taken', async () => {
    await put('pending/u/digest', small, { ChecksumSHA256: base64('sha256', small), ContentMD5: base64('md5', small) });
    await put('pending/u/digest', small, { ChecksumSHA1: base64('sha1', small) });
});
await check('a checksum that is none is refused', () => refused(400, 'InvalidArgument', () => put('pending/u/none', small, { ContentMD5: 'x' })));
await check('one that is not made here is refused', () => refused(501, 'NotImplemented', () => put('pending/u/none', small, { ChecksumCRC32C: 'mnG7TA==' })));
await check('If-None-Match: * writes once, without it the last counts', async () => {
    await put('pending/u/once', small, { IfNoneMatch: '*' });
    await refused(412, 'PreconditionFailed', () => put('pending/u/once', Buffer.from('other'), { IfNoneMatch: '*' }));
    same(await read('pending/u/once'), small);
    await put('pending/u/once', Buffer.from('another'));
    same(String(await read('pending/u/once')), 'another');
});
await check('types and Cache-Control that no head holds are refused', async () => {
    for (const ContentType of ['image/png;\tx=y', 'x'.repeat(128)])
        await refused(400, 'InvalidArgument', () => put('photos/head', small, { ContentType }));
    await refused(400, 'InvalidArgument', () => put('photos/head', small, { CacheControl: 'x'.repeat(128) }));
    await put('photos/head', small, { ContentType: 'x'.repeat(127), CacheControl: 'y'.repeat(127) });
    const head = await send(HeadObjectCommand, { Key: 'photos/head' });
    same([head.ContentType, head.CacheControl], ['x'.repeat(127), 'y'.repeat(127)]);
    await send(PutObjectCommand, { Key: 'photos/head', Body: small, ContentType: '' });
});
await check('ranges', async () => {
    await put('photos/r', Buffer.from('0123456789'));
    same(String(await read('photos/r', { Range: 'bytes=2-4' })), '234');
    same(String(await read('photos/r', { Range: 'bytes=-3' })), '789');
    const part = await send(GetObjectCommand, { Key: 'photos/r', Range: 'bytes=8-99' });
    same([part.ContentRange, part.ContentLength, part.$metadata.httpStatusCode], ['bytes 8-9/10', 2, 206]);
    part.Body.destroy();
    await refused(416, 'InvalidRange', () => send(GetObjectCommand, { Key: 'photos/r', Range: 'bytes=10-' }));
});
await check('conditions', async () => {
    const { ETag, LastModified } = await send(HeadObjectCommand, { Key: 'photos/r' });
    const before = new Date(LastModified.getTime() - 2000);
    for (const when of [{ IfNoneMatch: ETag }, { IfModifiedSince: LastModified }])
        await send(GetObjectCommand, { Key: 'photos/r', ...when }).then(
            () => { throw new Error('was sent again'); },
            (error) => same(error.$metadata?.httpStatusCode, 304, 'the status'),
        );
    for (const when of [{ IfMatch: '"other"' }, { IfUnmodifiedSince: before }])
        await refused(412, 'PreconditionFailed', () => send(GetObjectCommand, { Key: 'photos/r', ...when }));
    for (const when of [{ IfMatch: ETag }, { IfModifiedSince: before }, { IfUnmodifiedSince: LastModified }, { IfNoneMatch: '"other"' }])
        same(String(await read('photos/r', when)), '0123456789');
});
await check('what is not there', async () => {
    await refused(404, 'NoSuchKey', () => send(GetObjectCommand, { Key: 'photos/none' }));
    await refused(404, 'NotFound', () => send(HeadObjectCommand, { Key: 'photos/none' }));
    await send(DeleteObjectCommand, { Key: 'photos/none' });
});
await check('keys that no folder may have', async () => {
    for (const Key of ['../x', 'a/../../x', '..', 'pending/.hidden', 'a//b', 'a b', 'ü', 'x\\y', 'pending/', `${'k'.repeat(201)}`])
        await refused(400, 'InvalidURI', () => put(Key, small));
});
await check('listing goes page by page, in order', async () => {
    const keys = [];
    for (let i = 0; i < 25; i++) keys.push(`list/${i % 3}/${String.fromCharCode(97 + ((i * 7) % 25))}${i}`);
    for (const Key of keys) await put(Key, small, {}, quiet);
    keys.sort();
    const seen = [];
    let pages = 0;
    for await (const page of paginateListObjectsV2({ client, pageSize: 10 }, { Bucket, Prefix: 'list/' })) {
        seen.push(...keysOf(page));
        pages++;
        for (const entry of page.Contents) same([entry.Size, Math.abs(entry.LastModified - Date.now()) < 60_000], [5, true]);
    }
    same([pages, seen], [3, keys]);
    same(keysOf(await send(ListObjectsV2Command, { Prefix: 'list/1/', MaxKeys: 2 })), keys.filter((key) => key.startsWith('list/1/')).slice(0, 2));
    same(keysOf(await send(ListObjectsV2Command, { Prefix: 'list/', StartAfter: keys[20] })), keys.slice(21));
    same(keysOf(await send(ListObjectsV2Command, { Prefix: 'list/1/a' })), keys.filter((key) => key.startsWith('list/1/a')));
    same(keysOf(await send(ListObjectsV2Command, { Prefix: 'lis', EncodingType: 'url' })), keys);
    same(keysOf(await send(ListObjectsV2Command, { Prefix: '../' })), []);
    same(keysOf(await send(ListObjectsV2Command, { Prefix: "no'such & <prefix>/" })), []);
    const empty = await send(ListObjectsV2Command, { MaxKeys: 0 });
    same([empty.KeyCount, empty.IsTruncated], [0, false]);
    await refused(501, 'NotImplemented', () => send(ListObjectsV2Command, { Delimiter: '/' }));
});
await check('what is not done here is refused, not passed over', async () => {
    await refused(501, 'NotImplemented', () => send(CopyObjectCommand, { Key: 'photos/copy', CopySource: `${Bucket}/photos/r` }));
    await refused(501, 'NotImplemented', () => put('photos/acl', small, { ACL: 'public-read' }));
    await refused(501, 'NotImplemented', () => put('photos/meta', small, { Metadata: { of: 'mine' } }));
    await refused(501, 'NotImplemented', () => put('photos/gzip', small, { ContentEncoding: 'gzip' }));
    await refused(501, 'NotImplemented', () => put('photos/match', small, { IfMatch: '"x"' }));
    await refused(501, 'NotImplemented', () => send(GetObjectCommand, { Key: 'photos/r', VersionId: '1' }));
    await refused(405, 'MethodNotAllowed', () => send(CreateMultipartUploadCommand, { Key: 'photos/parts' }));
    await refused(404, 'NotFound', () => send(HeadObjectCommand, { Key: 'photos/copy' }));
});
await check('who may not', async () => {
    const as = (more) => new S3Client({ ...options, ...more });
    const get = (by) => () => by.send(new GetObjectCommand({ Bucket, Key: 'photos/r' }));
    await refused(403, 'SignatureDoesNotMatch', get(as({ credentials: { accessKeyId, secretAccessKey: 'other' } })));
    await refused(403, 'InvalidAccessKeyId', get(as({ credentials: { accessKeyId: 'other', secretAccessKey } })));
    await refused(403, 'InvalidAccessKeyId', get(as({ region: 'us-east-1' })));
    for (const minutes of [-16, 16]) await refused(403, 'RequestTimeTooSkewed', get(as({ systemClockOffset: minutes * 60_000 })));
    for (const minutes of [-14, 14]) await get(as({ systemClockOffset: minutes * 60_000 }))().then((answer) => answer.Body.destroy());
});

// A request signed by the client's signer, with whatever headers; its status and S3's code.
async function raw(method, path, headers, body) {
    const signer = new SignatureV4({ service: 's3', region: 'auto', credentials, sha256: Sha256, uriEscapePath: false });
    const { hostname, port } = new URL(endpoint);
    const host = `${hostname}:${port}`;
    const signed = await signer.sign({ method, protocol: 'http:', hostname, port: Number(port), path, query: {}, headers: { host, ...headers } });
    return new Promise((resolve, reject) => {
        const request = http.request({ host: hostname, port, method, path, headers: signed.headers }, (answer) => {
            let text = '';
            answer.on('data', (piece) => (text += piece)).on('end', () => resolve([answer.statusCode, /<Code>(.*)<\/Code>/.exec(text)?.[1] ?? '']));
        });
        request.on('error', reject);
        request.end(body);
    });
}
const path = `/${Bucket}/pending/u/raw`;
const streaming = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': '5' };
const chunked = '5\r\nhello\r\n0\r\n';
await check('another body than was signed', async () => {
    const sha256 = createHash('sha256').update(small).digest('hex');
    same(await raw('PUT', path, { 'x-amz-content-sha256': sha256, 'content-length': '5' }, 'jello'), [400, 'XAmzContentSHA256Mismatch']);
    same(await raw('HEAD', path, { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }), [404, '']);
    same(await raw('PUT', path, { 'x-amz-content-sha256': sha256, 'content-length': '5' }, 'hello'), [200, '']);
    same(await raw('PUT', path, { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': '5' }, 'jello'), [200, '']);
});
await check('chunks as they should be, and not', async () => {
    const trailer = { ...streaming, 'x-amz-trailer': 'x-amz-checksum-crc32' };
    const good = `${chunked}x-amz-checksum-crc32:NhCmhg==\r\n\r\n`;
    same(await raw('PUT', path, { ...trailer, 'content-length': String(good.length) }, good), [200, '']);
    same(String(await read('pending/u/raw')), 'hello');
    same(await raw('PUT', path, trailer, `${chunked}x-amz-checksum-crc32:AAAAAA==\r\n\r\n`), [400, 'BadDigest']);
    for (const body of [
        `${chunked}\r\n`,
        chunked,
        `${chunked}x-amz-checksum-crc32:NhCmhg==\r\n`,
        `${chunked}x-amz-checksum-sha1:NhCmhg==\r\n\r\n`,
        `${good}more`,
        '5\nhello\n0\n\n',
        '5;chunk-signature=00\r\nhello\r\n0\r\n\r\n',
        '4\r\nhello\r\n0\r\n\r\n',
        'fffffffff\r\n',
        'hello',
        '',
    ])
        same(await raw('PUT', path, trailer, body), [400, 'InvalidRequest'], JSON.stringify(body));
    same(await raw('PUT', path, streaming, `${chunked}\r\n`), [200, '']);
    same(await raw('PUT', path, { ...trailer, 'x-amz-trailer': 'x-amz-checksum-crc32c' }, good), [501, 'NotImplemented']);
    same(await raw('PUT', path, { ...streaming, 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }, good), [501, 'NotImplemented']);
    same(await raw('PUT', path, { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'transfer-encoding': 'chunked' }, 'hello'), [411, 'MissingContentLength']);
});

// The presigner's URLs, as a browser uses them.
const use = async (url, method, headers, body) => {
    const answer = await fetch(url, { method, headers, body });
    const text = await answer.text();
    return [answer.status, /<Code>(.*)<\/Code>/.exec(text)?.[1] ?? text];
};
await check("the presigner's URLs", async () => {
    const input = { Bucket, Key: 'pending/u/signed', ContentType: 'image/png', ContentLength: 5, IfNoneMatch: '*' };
    const signableHeaders = new Set(['host', 'content-type', 'content-length', 'if-none-match']);
    const headers = { 'content-type': 'image/png', 'if-none-match': '*' };
    const url = await getSignedUrl(quiet, new PutObjectCommand(input), { expiresIn: 60, signableHeaders });
    same(await use(url, 'PUT', { ...headers, 'content-type': 'image/jpeg' }, 'hello'), [403, 'SignatureDoesNotMatch']);
    same(await use(url, 'PUT', headers, 'hello!'), [403, 'SignatureDoesNotMatch']);
    same(await use(url, 'PUT', { 'content-type': 'image/png' }, 'hello'), [403, 'SignatureDoesNotMatch']);
    same(await use(url, 'PUT', headers, 'hello'), [200, '']);
    same(await use(url, 'PUT', headers, 'hello'), [412, 'PreconditionFailed']);
    const signed = (Command, by = quiet) => getSignedUrl(by, new Command({ Bucket, Key: input.Key }), { expiresIn: 60 });
    same(await use(await signed(GetObjectCommand), 'GET'), [200, 'hello']);
    same(await use(await signed(GetObjectCommand, client), 'GET'), [200, 'hello']);
    same(await use(await signed(HeadObjectCommand), 'HEAD'), [200, '']);
    same(await use(await signed(GetObjectCommand), 'PUT', {}, 'x'), [403, 'SignatureDoesNotMatch']);
    same(await use(await signed(DeleteObjectCommand), 'DELETE'), [204, '']);
    same(await use(await signed(GetObjectCommand), 'GET'), [404, 'NoSuchKey']);
    const old = await getSignedUrl(quiet, new GetObjectCommand({ Bucket, Key: 'photos/r' }), { expiresIn: 60, signingDate: new Date(Date.now() - 61_000) });
    same(await use(old, 'GET'), [403, 'AccessDenied']);
});
await check('a checksum in a URL counts: that of no bytes, which the presigner signs unless told otherwise, too', async () => {
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key: 'pending/u/empty' }), { expiresIn: 60 });
    same(await use(url, 'PUT', {}, 'hello'), [400, 'BadDigest']);
    const right = new PutObjectCommand({ Bucket, Key: 'pending/u/empty', ChecksumSHA256: base64('sha256', small) });
    const checked = await getSignedUrl(quiet, right, { expiresIn: 60, unhoistableHeaders: new Set(['x-amz-checksum-sha256']) });
    const headers = { 'x-amz-checksum-sha256': base64('sha256', small) };
    same(await use(checked, 'PUT', headers, 'jello'), [400, 'BadDigest']);
    same(await use(checked, 'PUT', headers, 'hello'), [200, '']);
});
await check('all of it can be deleted', async () => {
    for await (const page of paginateListObjectsV2({ client, pageSize: 10 }, { Bucket }))
        for (const Key of keysOf(page)) await send(DeleteObjectCommand, { Key });
    same(keysOf(await send(ListObjectsV2Command, {})), []);
});
process.exit(failed ? 1 : 0);
