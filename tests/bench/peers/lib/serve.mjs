// One HTTP server on Node's own http module: no framework, so that a peer's cost is its database client's.
import http from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { host, port } from './settings.mjs';

// A connection that a load generator leaves idle for a moment must not be closed under its next request.
const KEEP_ALIVE_MS = 65_000;
// Node's default queue of 511 would refuse some of 2,000 clients that come at once.
const BACKLOG = 4096;
const POLL_MS = 50;
const END_LIMIT_MS = 10_000;

function reply(response, status, value) {
    const body = JSON.stringify(value);
    response.writeHead(status, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'Cache-Control': 'no-store',
    });
    response.end(body);
}

// `checks`: path → async function of the Cookie header, answered as JSON. `other(request, response)`: what to do with
// the paths that are not there; absent: 404. `close()`: awaited at the end, when no request is left.
export async function serve(checks, { other, close = async () => {} } = {}) {
    let ending = false;
    let underWay = 0; // checks, also those whose clients have hung up, which the server has forgotten
    const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
        response.shouldKeepAlive &&= !ending;
        const check = request.method === 'POST' ? checks[request.url] : undefined;
        if (check) {
            underWay++;
            check(request.headers.cookie).then(
                value => {
                    underWay--;
                    reply(response, 200, value);
                },
                error => {
                    underWay--;
                    process.stderr.write(`${request.url}: ${error.stack}\n`);
                    reply(response, 500, { code: 'internal' });
                },
            );
        } else if (other) {
            other(request, response);
        } else {
            reply(response, 404, { code: 'not_found' });
        }
    });
    const end = () => {
        ending = true;
        server.close(async () => {
            while (underWay > 0)
                await pause(POLL_MS);
            await close();
            process.exit(0);
        });
        // A connection whose answer was under way is idle only afterwards.
        setInterval(() => server.closeIdleConnections(), POLL_MS);
        setTimeout(() => server.closeAllConnections(), END_LIMIT_MS);
    };
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
    await new Promise((resolve, reject) => server.once('error', reject).listen({ host, port, backlog: BACKLOG }, resolve));
    process.stdout.write(`ready http://${host}:${server.address().port}\n`);
}
