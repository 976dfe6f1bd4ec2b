/** The OpenAPI description against the running endpoint, by schemathesis (PyPI), bounded and with a fixed seed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HttpEndpoint } from '../../src/manager/http-endpoint.ts';
import { routes } from '../../src/manager/http-routes.ts';
import { createManagerMetrics } from '../../src/manager/manager-metrics.ts';
import { findSchemathesis, runSchemathesis } from '../fixtures/schemathesis.ts';
import { afterTest, newWorkspace, startManager } from './workspace.ts';

const description = join(import.meta.dirname, '../../docs/openapi.yaml');
const NOT_TESTED =
  'the HTTP API was NOT TESTED by schemathesis: no python3 with pip here; install python3 and python3-pip';
const SEED = 20_261_124;

let environment: NodeJS.ProcessEnv | undefined;

/** The open endpoint and one with a token. */
async function startEndpoint(tokenFile?: string) {
  const metrics = createManagerMetrics();
  const { manager } = await startManager({ hashTimeoutMs: 20, onEvent: metrics.countEvent });
  const logger = pino({ level: 'silent' });
  const endpoint = new HttpEndpoint({
    manager,
    listen: { host: '127.0.0.1', port: 0 },
    registry: metrics.registry,
    logger,
    ...(tokenFile ? { tokenFile } : {}),
  });
  const { port } = await endpoint.start();
  afterTest(() => endpoint.stop());
  return `http://127.0.0.1:${port}`;
}

describe('docs/openapi.yaml', () => {
  beforeAll(() => {
    environment = findSchemathesis();
    if (environment) return;
    if (process.env.CI) throw new Error(NOT_TESTED);
    console.warn(`\n*** ${NOT_TESTED} ***\n`);
  }, 300_000);

  it('describes every path and method that the router has, and no other', () => {
    const { paths } = parse(readFileSync(description, 'utf8')) as { paths: Record<string, Record<string, unknown>> };
    const described = Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods).sort()]);
    const routed = Object.entries(routes).map(([path, methods]) => [
      path,
      Object.keys(methods)
        .map((name) => name.toLowerCase())
        .sort(),
    ]);
    expect(Object.fromEntries(described)).toEqual(Object.fromEntries(routed));
  });

  for (const hasToken of [false, true]) {
    it(`is what the endpoint does${hasToken ? ', with a token' : ''}`, async ({ skip }) => {
      const env = environment ?? skip(NOT_TESTED);
      const folder = newWorkspace(null);
      const token = 'token-0123456789abcdef';
      writeFileSync(folder.in('token'), token);
      const url = await startEndpoint(hasToken ? folder.in('token') : undefined);
      const args = [
        'run',
        description,
        '--url',
        url,
        '--max-examples',
        '25',
        '--seed',
        String(SEED),
        '--generation-database',
        'none',
      ];
      // Which texts are valid configurations is more than a schema of the request can say.
      args.push('--exclude-checks', 'positive_data_acceptance', '--warnings', 'off');
      if (hasToken) args.push('--header', `Authorization: Bearer ${token}`);
      const { code, output } = await runSchemathesis(env, args, folder.folder);
      expect(code, output).toBe(0);
      const cases = Number(/(\d+) generated/.exec(output)?.[1]);
      expect(cases, output).toBeGreaterThan(100);
    }, 180_000);
  }
});
