import { existsSync } from 'node:fs';
import { lstat, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isRunning, signalProcess } from './process-id.ts';
import { tryRun } from './run.ts';
import { waitUntil } from './wait-until.ts';

/** What a node changes outside its work folder; written before it is changed, so that anyone can undo it. */
export interface NodeTraces {
  /** On the loopback interface. */
  readonly address: string;
  readonly bridge: string;
  /** Arguments of each iptables rule, after `-A`. */
  readonly natRules: readonly (readonly string[])[];
}

/** Paths inside a work folder that both the node and its removal need. */
export function nodePaths(folder: string): {
  readonly traces: string;
  readonly runcRoot: string;
  readonly containerdSocket: string;
  readonly containerdState: string;
} {
  return {
    traces: join(folder, 'node.json'),
    runcRoot: join(folder, 'runc'),
    containerdSocket: join(folder, 'containerd', 'containerd.sock'),
    containerdState: join(folder, 'containerd', 'state'),
  };
}

export async function recordNodeTraces(folder: string, traces: NodeTraces): Promise<void> {
  await writeFile(nodePaths(folder).traces, JSON.stringify(traces));
}

/**
 * Ends every container and shim of the node of a work folder, and undoes its mounts, bridge, address and rules. The
 * kubelet and containerd must have ended. Safe to repeat; does nothing where there was no node.
 */
export async function removeNodeTraces(folder: string): Promise<void> {
  const paths = nodePaths(folder);
  if (!existsSync(paths.traces)) return;
  const traces = JSON.parse(await readFile(paths.traces, 'utf8')) as NodeTraces;
  await removeContainers(join(paths.runcRoot, 'k8s.io'));
  await endShims(paths);
  await unmountBelow(folder);
  for (const rule of traces.natRules) await tryRun('iptables', ['-w', '-t', 'nat', '-D', ...rule]);
  await tryRun('ip', ['link', 'delete', traces.bridge]);
  await tryRun('ip', ['address', 'delete', `${traces.address}/32`, 'dev', 'lo']);
  await removeLogLinks(folder);
}

/** runc kills what runs in a container and removes its cgroups; the CNI plugins keep notes on sandboxes elsewhere. */
async function removeContainers(root: string): Promise<void> {
  const ids = await readdir(root).catch(() => []);
  for (const id of ids) await tryRun('runc', ['--root', root, 'delete', '--force', id]);
  const notes = '/var/lib/cni/results';
  for (const name of await readdir(notes).catch(() => [])) {
    if (ids.some((id) => name.includes(id))) await rm(join(notes, name), { force: true });
  }
}

/** A shim names the socket of its containerd, which is in our folder, on its command line. */
async function endShims(paths: ReturnType<typeof nodePaths>): Promise<void> {
  const addresses = await readShimAddresses(paths.containerdState);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  const shims = pids
    .filter((_, index) => {
      const words = commands[index]!.split('\0');
      return words[0]!.includes('containerd-shim') && words.includes(paths.containerdSocket);
    })
    .map(identifyProcess);
  for (const shim of shims) signalProcess(shim, 'SIGKILL');
  await waitUntil({ what: 'shims end', check: () => !shims.some(isRunning), timeoutMs: 10_000 });
  for (const address of addresses) await rm(address, { force: true });
}

/** Sockets of shims, which containerd keeps in /run whatever its state folder is. */
async function readShimAddresses(state: string): Promise<string[]> {
  const tasks = join(state, 'io.containerd.runtime.v2.task', 'k8s.io');
  const ids = await readdir(tasks).catch(() => []);
  const texts = await Promise.all(ids.map((id) => readFile(join(tasks, id, 'address'), 'utf8').catch(() => '')));
  return texts
    .map((text) => text.trim().replace(/^unix:\/\//, ''))
    .filter((path) => path.startsWith('/run/containerd/s/'));
}

/** The newest first; a mount that is busy still is taken out of sight and goes when it is free. */
async function unmountBelow(folder: string): Promise<void> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  const points = mountinfo.split('\n').flatMap((line) => {
    const point = line.split(' ')[4]?.replace(/\\040/g, ' ');
    return point?.startsWith(`${folder}/`) ? [point] : [];
  });
  for (const point of points.reverse()) {
    if ((await tryRun('umount', [point])) === undefined) await tryRun('umount', ['--lazy', point]);
  }
}

/** The kubelet links each container's log from here, wherever it keeps the log itself. */
async function removeLogLinks(folder: string): Promise<void> {
  const links = '/var/log/containers';
  for (const name of await readdir(links).catch(() => [])) {
    const path = join(links, name);
    const isOurs = (await lstat(path)).isSymbolicLink() && (await readlink(path)).startsWith(`${folder}/`);
    if (isOurs) await rm(path, { force: true });
  }
}
