// Asks the gateway as a frontend does that tries nothing again, by turns on kept connections and on a new one for each call (which is where kube-proxy decides), at a
// fixed rate until SIGTERM; then prints what came of it, in the members of quintet-load's report that the test reads.
//
//   node frontend.mjs ORIGIN COOKIE-FILE RATE
import { readFileSync } from 'node:fs';
import http from 'node:http';

const [origin, cookies, rate] = process.argv.slice(2);
const cookie = readFileSync(cookies, 'utf8').trim();
const agents = [new http.Agent({ keepAlive: true, maxSockets: 16 }), false];
const calls = [
    ['quintet.auth.v1.AuthService/GetSessionWithProfileCheck', {}],
    ['quintet.profile.v1.ProfileService/UpdateProfile', { bio: 'Engines, as ever.', updateMask: ['bio'] }],
    ['quintet.media.v1.MediaService/ListPhotos', {}],
];
const TIMEOUT_MS = 15_000;
const methods = calls.map(([name]) => ({ name, codes: {} }));
const seconds = [];
let started = 0;
let ended = 0;
let ending = false;

// "ok", the code that the gateway says, or what became of the connection: "kept ECONNRESET".
function call(which, agent) {
    const [name, message] = calls[which];
    const begun = process.hrtime.bigint();
    const body = JSON.stringify(message);
    let done = false;
    const end = (code) => {
        if (done) return;
        done = true;
        ended++;
        methods[which].codes[code] = (methods[which].codes[code] ?? 0) + 1;
        seconds.push({ errors: code === 'ok' ? 0 : 1, max_ns: Number(process.hrtime.bigint() - begun) });
        if (ending && ended === started) report();
    };
    const broken = (error) => end(`${agent ? 'kept' : 'new'} ${error.code ?? error.message}`);
    const request = http.request(`${origin}/${name}`, {
        method: 'POST',
        agent,
        timeout: TIMEOUT_MS,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), cookie },
    });
    request.on('error', broken);
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('error', broken);
        response.on('data', (piece) => (text += piece));
        response.on('end', () => {
            if (response.statusCode === 200) return end('ok');
            try {
                end(JSON.parse(text).code);
            } catch {
                end(`http ${response.statusCode}`);
            }
        });
    });
    request.end(body);
}

function report() {
    const codes = {};
    for (const method of methods) for (const [code, n] of Object.entries(method.codes)) codes[code] = (codes[code] ?? 0) + n;
    console.log(JSON.stringify({ achieved: { ended, codes }, methods, seconds }));
    process.exit(0);
}

const timer = setInterval(() => {
    const n = started++;
    call(n % calls.length, agents[Math.floor(n / calls.length) % agents.length]);
}, 1000 / Number(rate));
process.on('SIGTERM', () => {
    ending = true;
    clearInterval(timer);
    if (ended === started) report();
});
