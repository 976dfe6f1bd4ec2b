import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { describeControlled } from './controlled-node.ts';
import { deadly, fragilePods } from './fragile-pods.ts';
import { sourceOf } from './workloads.ts';

const policy = { canary: '1' };

describeControlled(
  'what a person sees of a canary that died',
  (on) => {
    async function cli(command: 'status' | 'history'): Promise<string> {
      const provision = inject('node');
      if ('missing' in provision) throw new Error('there is no node');
      const args = [provision.program, command, 'app-config', '-n', on.namespace, '--kubeconfig', on.node.kubeconfig];
      // A rollout that is halted has exit code 1.
      const ran = promisify(execFile)(process.execPath, args);
      const { stdout } = await ran.catch((error: unknown) => error as { stdout: string });
      return stdout;
    }

    test('the rollout is halted: which pod, why, and how many were left alone', async () => {
      await on.apply(sourceOf('app-config', configText(2048), policy));
      await on.run(...fragilePods('app-config', { count: 4, dies: 'at SIGHUP' }));
      await on.untilApplied('app-config', configText(2048), '4/4');
      await on.applyByKubectl(sourceOf('app-config', deadly, policy));
      await on.untilReload(
        'app-config',
        (one) => conditionOf(one, 'Progressing') === 'False RolloutHalted' && one.observedHash === contentHash(deadly),
      );
      const cause = 'app-config-0/app: ProcessCrashed, the container ended while the signal was delivered';
      const described = await on.node.kubectl('-n', on.namespace, 'describe', 'configreload', 'app-config');
      const [status, history] = [await cli('status'), await cli('history')];
      expect(described).toContain(`halted after a failure, 3 not touched; ${cause}`);
      expect(history).toMatch(/^2 .* io_error .* 0\/4 .*\n +RolloutHalted: app-config-0\/app: ProcessCrashed/m);
      // The page shows it as it is, but for namespace and time.
      const shown = status.replaceAll(on.namespace, 'team-a').replace(/ of \d{4}-.*Z/, ' of 2026-11-24T10:00:00Z');
      expect(await readFile('docs/operations.md', 'utf8')).toContain(`\n${shown.trim()}\n`);
      await on.untilEvent(
        'configmap',
        'app-config',
        /Warning +RolloutHalted.*0\/4 targets run it, 3 pending; app-config-0\/app: ProcessCrashed/,
      );
    });
  },
  { args: ['--soak', '1s'] },
);
