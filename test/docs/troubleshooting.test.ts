import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { skipReasons, sourceReasons, targetReasons } from '../../src/core/reasons.ts';

const text = readFileSync(new URL('../../docs/troubleshooting.md', import.meta.url), 'utf8');
const paragraphs = new Map([...text.matchAll(/^### (\w+)\n([^#]+)/gm)].map(([, reason, body]) => [reason, body?.trim()]));

/** The contract's, section 4. */
const eventReasons = [
  'ReloadSucceeded', 'RolledBack', 'Published', 'DryRun', 'ValidationFailed', 'FileNotFound', 'ReloadFailed', 'ReloadInProgress',
  'RolloutHalted', 'PodSkipped', 'InvalidAnnotation', 'NoTargets', 'ConfigReloaded', 'ConfigReloadFailed',
]; // prettier-ignore
/** Of conditions alone. */
const conditionReasons = ['StatusRefused'];

it.each([...eventReasons, ...conditionReasons, ...Object.keys(targetReasons), ...Object.keys(sourceReasons), ...skipReasons])('%s has its paragraph', (reason) => {
  expect(paragraphs.get(reason)).toMatch(/\w{3}/);
}); // prettier-ignore

it('has no paragraph for what the code never says', () => {
  const known = new Set<string>([...eventReasons, ...conditionReasons, ...Object.keys(targetReasons), ...Object.keys(sourceReasons), ...skipReasons]);
  expect([...paragraphs.keys()].filter((reason) => !known.has(reason!))).toEqual([]);
});
