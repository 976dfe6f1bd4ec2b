import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { run } from '../cluster/run.ts';
import { findPromtool } from './promtool.ts';
import { find, renderChart, valueSets } from './render-chart.ts';

interface Group {
  readonly rules: readonly { readonly alert: string }[];
}

const own = 'namespace="reloader", pod="reloader-leindex-reloader-1"';
const source = 'namespace="search", configmap="config"';
/** Two replicas, one source, all well. */
const healthy: Readonly<Record<string, string>> = {
  [`leindex_reloader_sources{${own}}`]: '1+0x60',
  [`leader_election_master_status{name="leindex-reloader", ${own}}`]: '1+0x60',
  [`leader_election_master_status{name="leindex-reloader", namespace="reloader", pod="reloader-leindex-reloader-2"}`]:
    '0+0x60',
  [`leindex_reloader_watch_age_seconds{resource="pods", ${own}}`]: '20+0x60',
  [`workqueue_depth{${own}}`]: '3+0x60',
  [`leindex_reloader_last_reload_successful{${source}}`]: '1+0x60',
  [`leindex_reloader_out_of_sync_pods{${source}}`]: '0+0x60',
  [`leindex_reloader_pod_reload_duration_seconds_bucket{le="10", ${own}}`]: '0+9x60',
  [`leindex_reloader_pod_reload_duration_seconds_bucket{le="30", ${own}}`]: '0+9x60',
  [`leindex_reloader_pod_reload_duration_seconds_bucket{le="+Inf", ${own}}`]: '0+9x60',
};

/** What raises each alert: series that differ from the healthy ones, and those that are not there. */
const troubles: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  LeindexReloaderAbsent: { [`leindex_reloader_sources{${own}}`]: undefined },
  LeindexReloaderNoLeader: { [`leader_election_master_status{name="leindex-reloader", ${own}}`]: '0+0x60' },
  LeindexReloaderWatchSilent: { [`leindex_reloader_watch_age_seconds{resource="pods", ${own}}`]: '0+60x60' },
  LeindexReloaderQueueGrows: { [`workqueue_depth{${own}}`]: '0 0 0+400x60' },
  LeindexConfigReloadFailed: { [`leindex_reloader_last_reload_successful{${source}}`]: '0+0x60' },
  LeindexPodsOutOfSync: { [`leindex_reloader_out_of_sync_pods{${source}}`]: '2+0x60' },
  LeindexReloadSlow: { [`leindex_reloader_pod_reload_duration_seconds_bucket{le="10", ${own}}`]: '0+0x60' },
};

const promtool = findPromtool();
const name = 'the alerts, by promtool';
if (promtool === undefined) {
  test.skip(`${name}: SKIPPED, missing: promtool (Debian package prometheus)`, () => undefined);
} else {
  describe(name, () => {
    let folder = '';
    let groups: readonly Group[] = [];
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-alerts-'));
      groups = find(await renderChart(valueSets['all that is watched']), 'PrometheusRule')['spec'].groups as Group[];
      await writeFile(join(folder, 'rules.yaml'), stringify({ groups }));
    });
    afterAll(() => rm(folder, { recursive: true }));

    /** Runs `promtool test rules`: which alerts fire at which minute, with these series every minute. */
    async function expectFiring(series: Record<string, string | undefined>, at: Record<string, readonly string[]>) {
      const input = Object.entries(series).filter(([, values]) => values !== undefined);
      const promql = Object.entries(at).map(([minute, alerts]) => ({
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: minute,
        exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
      }));
      const tests = [
        {
          interval: '1m',
          input_series: input.map(([one, values]) => ({ series: one, values })),
          promql_expr_test: promql,
        },
      ];
      await writeFile(join(folder, 'test.yaml'), stringify({ rule_files: ['rules.yaml'], tests }));
      return await run(promtool!, ['test', 'rules', join(folder, 'test.yaml')]);
    }

    test('are well formed', async () => {
      expect(await run(promtool, ['check', 'rules', join(folder, 'rules.yaml')])).toMatch(/SUCCESS: \d+ rules found/);
    });

    test('are silent while all is well', async () => {
      expect(await expectFiring(healthy, { '0m': [], '20m': [], '60m': [] })).toContain('SUCCESS');
    });

    test('each has its trouble', () => {
      const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
      expect(Object.keys(troubles).toSorted()).toEqual(alerts.toSorted());
    });

    test.each(Object.entries(troubles))('%s fires, alone, and not before its time', async (alert, trouble) => {
      expect(await expectFiring({ ...healthy, ...trouble }, { '1m': [], '30m': [alert] })).toContain('SUCCESS');
    });
  });
}
