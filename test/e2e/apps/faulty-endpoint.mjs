/** `faulty-endpoint.mjs KIND`: an endpoint that is wrong in one way. Its ledger: each request that it got. */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

const [kind] = process.argv.slice(2);
let calls = 0;

/** What each kind answers to `POST /v1/reload`. */
const kinds = {
  broken: (_body, response) => response.writeHead(500).end(),
  busy: (_body, response) => response.writeHead(409).end(),
  absent: (_body, response) => response.writeHead(404).end(),
  rejecting: (_body, response) =>
    response.writeHead(422).end(JSON.stringify({ result: 'validation_failed', reason: 'ValidationFailed' })),
  lying: (_body, response) => answer(response, `sha256:${'0'.repeat(64)}`),
  mute: (_body, response) => response.writeHead(200).end('fine'),
  redirecting: (_body, response) => response.writeHead(307, { location: '/elsewhere' }).end(),
  hanging: () => undefined,
  dripping: (_body, response) => {
    response.writeHead(200);
    setInterval(() => response.write(' '), 200);
  },
  endless: (_body, response) => {
    response.writeHead(200);
    const write = () => response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(write));
    write();
  },
  /** Right from the fourth call on. */
  flaky: ({ hash }, response) => (++calls <= 3 ? response.writeHead(503).end() : answer(response, hash)),
};

function answer(response, hash) {
  console.log(`answered ${hash}`);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ result: 'success', hash }));
}

createServer((request, response) => {
  if (request.url === '/readyz') return void response.end();
  void json(request).then((body) => {
    console.log(`${request.method} ${request.url}`);
    kinds[kind](body, response);
  });
}).listen(8686, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
