import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readPolicy } from '../../src/core/annotations.ts';
import { validateConfig } from '../../src/core/validate-config.ts';

const folder = join(import.meta.dirname, '..', '..', 'examples');
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

test.each(files)('examples/%s has ConfigMaps that are accepted, annotations and text', (file) => {
  const objects = parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS());
  const sources = objects.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.annotations);
  expect(sources.length).toBeGreaterThan(0);
  for (const { metadata, data } of sources) {
    expect(readPolicy(metadata.annotations)).toMatchObject({ kind: 'optedIn' });
    for (const text of Object.values<string>(data))
      expect(validateConfig(Buffer.from(text))).toMatchObject({ valid: true });
  }
});
