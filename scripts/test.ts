import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { findOrBuildBinaries } from '../test/cluster/binaries.ts';
import { fetchPromtool } from '../test/chart/promtool.ts';
import { missingForNode } from '../test/cluster/node.ts';
import {
  describeMissing,
  imageRequirements,
  installMissing,
  nodeRequirements,
  pythonRequirements,
  shellRequirements,
} from '../test/cluster/packages.ts';

/** What one step adds to the closing line. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What to show of each failure at the end, where a long output is cut least. */
  readonly failures?: readonly string[];
}

/** The part of vitest's JSON report that is counted. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    /** Why the file failed as a whole, or empty. */
    readonly message: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const isCi = process.env['CI'] === 'true';
const root = join(import.meta.dirname, '..');

/** In this order: what fails soonest comes first. Each but the vitest projects counts as one test. */
const steps: Readonly<Record<string, () => Promise<Tally>>> = {
  lint: () => runScript('lint'),
  typecheck: () => runScript('typecheck'),
  'supply-chain': () => runScript('supply-chain'),
  build: () => runScript('build'),
  unit: () => runProject('unit'),
  cluster: () => runProject('cluster'),
  e2e: () => runProject('e2e'),
};

process.exitCode = await main(process.argv.slice(2));

/** `npm test` runs every step, `npm test -- unit e2e` those named. Ends with the line `N passed, N failed`. */
async function main(names: readonly string[]): Promise<0 | 1 | 2> {
  const unknown = names.filter((name) => !Object.hasOwn(steps, name));
  if (unknown.length > 0) {
    console.error(`no such step: ${unknown.join(', ')}; there are: ${Object.keys(steps).join(', ')}`);
    return 2;
  }
  const chosen = Object.entries(steps).filter(([name]) => names.length === 0 || names.includes(name));
  const chosenNames = chosen.map(([name]) => name);
  showHeading('set-up');
  const results: [string, Tally][] = [['set-up', await setUp(chosenNames)]];
  for (const [name, step] of chosen) {
    showHeading(name);
    results.push([name, await step()]);
  }
  const failures = results.flatMap(([, { failures: some = [] }]) => some);
  if (failures.length > 0) showHeading('failures');
  for (const failure of failures) console.log(failure);
  showHeading('result');
  for (const [name, { passed, failed, skipped }] of results) {
    console.log(`${failed > 0 ? 'FAILED' : 'ok    '} ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  const sum = (of: 'passed' | 'failed' | 'skipped'): number =>
    results.reduce((total, [, tally]) => total + tally[of], 0);
  const skipped = sum('skipped');
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return sum('failed') > 0 ? 1 : 0;
}

/** Gets what the chosen steps need, before any of them; counts only where it fails. */
async function setUp(names: readonly string[]): Promise<Tally> {
  try {
    const python = names.includes('unit') ? [...pythonRequirements, ...shellRequirements] : [];
    const missing = await installMissing([
      ...python,
      ...(names.includes('e2e') ? [...nodeRequirements, ...imageRequirements] : []),
    ]);
    for (const line of describeMissing(missing)) console.log(`missing: ${line}`);
    if (names.includes('unit')) await fetchPromtool();
    const willHaveNode = names.includes('e2e') && missingForNode().length === 0;
    if (willHaveNode || names.includes('cluster')) {
      const forNode = ['kube-controller-manager', 'kube-scheduler', 'kubelet'] as const;
      await findOrBuildBinaries(['etcd', 'kube-apiserver', 'kubectl', ...(willHaveNode ? forNode : [])]);
    }
    return { passed: 0, failed: 0, skipped: 0 };
  } catch (error) {
    console.error(error);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

async function runScript(name: string): Promise<Tally> {
  const code = await runNpm(['run', '--silent', name]);
  return code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** A run that fails without a failed test (a broken file, a failed set-up), or that runs none, is a failure too. */
async function runProject(project: string): Promise<Tally> {
  const report = join(root, 'reports', `${project}.json`);
  await mkdir(join(report, '..'), { recursive: true });
  await rm(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const code = await runNpm(['exec', '--', 'vitest', 'run', '--project', project, ...reporters]);
  const { passed, failed, skipped, failures: failedTests = [] } = await readReport(report);
  const mayRunNone = project === 'e2e' && !isCi && skipped > 0;
  const failures = [
    ...(code !== 0 && failed === 0 ? [`vitest ended with ${code ?? 'a signal'}`] : []),
    ...(passed + failed === 0 && !mayRunNone ? ['no test ran'] : []),
    ...(isCi && skipped > 0 ? [`${skipped} skipped, and with CI=true none may be`] : []),
  ];
  for (const failure of failures) console.error(`${project}: ${failure}`);
  if (skipped > 0) console.log(`NOTE: ${skipped} tests of ${project} were SKIPPED; the output above says why`);
  return {
    passed,
    failed: failed + (failures.length > 0 ? 1 : 0),
    skipped,
    failures: [...failures.map((failure) => `${project}: ${failure}`), ...failedTests],
  };
}

async function readReport(path: string): Promise<Tally> {
  try {
    const report = JSON.parse(await readFile(path, 'utf8')) as VitestReport;
    const skipped = report.numPendingTests + report.numTodoTests;
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped,
      failures: report.testResults.flatMap(showFailures),
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** The failed tests of a file by name, with the first lines of why. */
function showFailures({ name, message, status, assertionResults }: VitestReport['testResults'][number]): string[] {
  const file = relative(root, name);
  const failed = assertionResults.filter((one) => one.status === 'failed');
  const shown = failed.map(({ fullName, failureMessages }) => [`${file}: ${fullName}`, ...failureMessages].join('\n'));
  const asFile = status === 'failed' && failed.length === 0 ? [`${file}: ${message}`] : [];
  return [...shown, ...asFile].map((failure) => failure.split('\n').slice(0, 25).join('\n'));
}

async function runNpm(args: readonly string[]): Promise<number | null> {
  const child = spawn('npm', args, { stdio: 'inherit', cwd: root });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

function showHeading(name: string): void {
  console.log(`\n=== ${name} ${'='.repeat(Math.max(0, 72 - name.length))}`);
}
