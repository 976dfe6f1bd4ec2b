import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache-folder.ts';
import { withFileLock } from './file-lock.ts';
import { findCommand } from './find-command.ts';
import { findGo } from './go-toolchain.ts';
import { say, withProgress } from './progress.ts';
import { tryRun } from './run.ts';
import { binariesModule, kubernetesVersion, parseVersion } from './versions.ts';

/** Each program, the Go package it is built from, and how it tells its version. */
const programs = {
  'kube-apiserver': { source: 'k8s.io/kubernetes/cmd/kube-apiserver', version: ['--version'] },
  etcd: { source: 'go.etcd.io/etcd/server/v3', version: ['--version'] },
  'kube-controller-manager': { source: 'k8s.io/kubernetes/cmd/kube-controller-manager', version: ['--version'] },
  'kube-scheduler': { source: 'k8s.io/kubernetes/cmd/kube-scheduler', version: ['--version'] },
  kubelet: { source: 'k8s.io/kubernetes/cmd/kubelet', version: ['--version'] },
  kubectl: { source: 'k8s.io/kubernetes/cmd/kubectl', version: ['version', '--client'] },
} as const;

export type BinaryName = keyof typeof programs;

/**
 * Paths of the programs asked for: from $KUBEBUILDER_ASSETS, from PATH where the version suits, from the cache, and
 * else built with Go (7 minutes for kube-apiserver and etcd, 11 for all, on 2 cores), which is said on standard error.
 */
export async function findOrBuildBinaries<Name extends BinaryName>(
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const path = findAsset(name) ?? findCached(name) ?? (await findOnPath(name));
    if (path !== undefined) found[name] = path;
  }
  const absent = names.filter((name) => found[name] === undefined);
  if (absent.length > 0) {
    await withFileLock(`${binariesFolder()}.lock`, async () => {
      const unbuilt = absent.filter((name) => findCached(name) === undefined);
      if (unbuilt.length > 0) await buildBinaries(unbuilt);
    });
    for (const name of absent) found[name] = join(binariesFolder(), name);
  }
  return found as Record<Name, string>;
}

function binariesFolder(): string {
  return cacheFolder(`kubernetes-${kubernetesVersion}`);
}

/** Whoever sets the variable has chosen: no version is asked for. */
function findAsset(name: BinaryName): string | undefined {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  return assets ? findCommand(name, [assets]) : undefined;
}

function findCached(name: BinaryName): string | undefined {
  return findCommand(name, [binariesFolder()]);
}

async function findOnPath(name: BinaryName): Promise<string | undefined> {
  const path = findCommand(name);
  const said = path && (await tryRun(path, programs[name].version));
  return said && isSuitable(name, said) ? path : undefined;
}

/** The same minor release; kubectl may be one off, and etcd has numbers of its own. */
function isSuitable(name: BinaryName, said: string): boolean {
  const [major, minor] = parseVersion(said) ?? [0, 0];
  if (name === 'etcd') return major === 3 && minor >= 5;
  const [wantedMajor, wantedMinor] = parseVersion(kubernetesVersion) ?? [0, 0];
  return major === wantedMajor && Math.abs(minor - wantedMinor) <= (name === 'kubectl' ? 1 : 0);
}

/** Built beside the cache and renamed into it: what is in the cache is whole. */
async function buildBinaries(names: readonly BinaryName[]): Promise<void> {
  const go = await findGo();
  await mkdir(binariesFolder(), { recursive: true });
  const output = await mkdtemp(join(binariesFolder(), 'build-'));
  try {
    say(`building ${names.join(', ')} ${kubernetesVersion} with Go, once; kept in ${binariesFolder()}`);
    await runBuild({ go: go.command, env: { ...go.env, CGO_ENABLED: '0' }, output, names });
    for (const name of names) {
      await rename(join(output, name === 'etcd' ? 'server' : name), join(binariesFolder(), name));
    }
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}

async function runBuild(build: {
  readonly go: string;
  readonly env: NodeJS.ProcessEnv;
  readonly output: string;
  readonly names: readonly BinaryName[];
}): Promise<void> {
  const [major, minor] = parseVersion(kubernetesVersion) ?? [];
  const stamp = Object.entries({ gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor });
  const ldflags = ['-s', '-w', ...stamp.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)];
  const sources = build.names.map((name) => programs[name].source);
  const args = ['build', '-v', '-trimpath', '-ldflags', ldflags.join(' '), '-o', `${build.output}/`, ...sources];
  const child = spawn(build.go, args, {
    cwd: fileURLToPath(binariesModule),
    env: build.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  createInterface(child.stderr).on('line', (line) => lines.push(line));
  const [code] = await withProgress(
    (seconds) =>
      `building ${build.names.join(', ')}: ${seconds} s, ${lines.length} packages; now ${lines.at(-1) ?? ''}`,
    () => once(child, 'close') as Promise<[number | null]>,
  );
  if (code !== 0) throw new Error(`go build ended with ${code ?? 'a signal'}:\n${lines.slice(-20).join('\n')}`);
}
