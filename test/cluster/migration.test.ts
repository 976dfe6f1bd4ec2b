import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readManagerSettings } from '../../src/cli/manager-settings.ts';
import { readPolicy } from '../../src/core/annotations.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import { useCluster } from './use-cluster.ts';

interface Example {
  readonly peer: string;
  readonly isAfter: boolean;
  readonly objects: readonly any[];
}

const text = readFileSync(new URL('../../docs/migration.md', import.meta.url), 'utf8');
const examples = text.split(/^## From /m).slice(1).flatMap((section): Example[] => {
  const [peer = ''] = section.split('\n');
  return [...section.matchAll(/```yaml\n([^]*?)```/g)].map(({ 1: block, index }) => ({
    peer,
    isAfter: section.slice(0, index).includes('\nAfter:'),
    objects: parseAllDocuments(block!).map((document) => document.toJS()),
  }));
}); // prettier-ignore
const after = examples.filter(({ isAfter }) => isAfter);
const argsOf = ({ objects }: Example) =>
  objects.flatMap(({ spec }) => spec?.template.spec.containers ?? []).filter(({ args }) => args?.[0] === 'manager').map(({ args }) => args as string[]); // prettier-ignore

describe('docs/migration.md', async () => {
  const cluster = await useCluster();

  test('every peer of docs/comparison.md has a before and an after', () => {
    const peers = [...new Set(examples.map(({ peer }) => peer))];
    expect(peers).toHaveLength(6);
    for (const peer of peers) {
      expect(new Set(examples.filter((one) => one.peer === peer).map(({ isAfter }) => isAfter)), peer).toEqual(new Set([false, true]));
    }
  }); // prettier-ignore

  test.each(examples)('$peer: the API server accepts it (after: $isAfter)', async ({ objects }) => {
    expect(objects.length).toBeGreaterThan(0);
    for (const object of objects) {
      object.metadata.namespace = cluster.namespace;
      // Strict: a field that the API server does not know is refused, not dropped.
      await cluster.objects.create(object, undefined, 'All', undefined);
    }
  });

  test.each(after)('$peer: annotations and text of after are read as they are meant', ({ objects }) => {
    const sources = objects.filter(({ kind }) => kind === 'ConfigMap');
    expect(sources).toHaveLength(1);
    for (const { metadata, data } of sources) {
      expect(readPolicy(metadata.annotations)).toMatchObject({ kind: 'optedIn' });
      for (const config of Object.values<string>(data)) expect(validateConfig(Buffer.from(config))).toMatchObject({ valid: true });
    }
  }); // prettier-ignore

  test('the arguments of each manager are taken', () => {
    const all = after.flatMap(argsOf);
    expect(all).toHaveLength(3);
    for (const [, ...argv] of all) {
      const io = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), signal: new AbortController().signal };
      expect(readManagerSettings(argv, io)).toMatchObject({ config: '/config/mcp_config.yaml' });
    }
  }); // prettier-ignore
});
