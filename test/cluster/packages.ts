import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findCommand } from './find-command.ts';
import { say } from './progress.ts';

/** A Debian package and how to see that it, or its equal from elsewhere, is there. */
export interface Requirement {
  readonly package: string;
  /** A command's name, or the absolute path of a file. */
  readonly provides: string;
  /** What it is for, after "for ". */
  readonly purpose: string;
}

export const goRequirement: Requirement = { package: 'golang-go', provides: 'go', purpose: 'building Kubernetes' };

export const nodeRequirements: readonly Requirement[] = [
  { package: 'containerd', provides: 'containerd', purpose: 'running containers' },
  { package: 'containerd', provides: 'ctr', purpose: 'importing images' },
  { package: 'runc', provides: 'runc', purpose: 'running containers' },
  { package: 'containernetworking-plugins', provides: '/usr/lib/cni/bridge', purpose: 'giving pods addresses' },
  { package: 'iproute2', provides: 'ip', purpose: 'giving the node an address' },
  { package: 'iptables', provides: 'iptables', purpose: 'the kubelet' },
  { package: 'conntrack', provides: 'conntrack', purpose: 'the kubelet' },
  { package: 'mount', provides: 'mount', purpose: 'the kubelet' },
  { package: 'busybox-static', provides: 'busybox', purpose: 'the image of test containers' },
];

/** What building an image from the Dockerfile takes, without a container engine or a registry of images. */
export const imageRequirements: readonly Requirement[] = [
  { package: 'buildah', provides: 'buildah', purpose: 'building the image' },
  { package: 'debootstrap', provides: 'debootstrap', purpose: 'the base of the image' },
];

/** The validator is compared with PyYAML, which pip brings. */
export const pythonRequirements: readonly Requirement[] = [
  { package: 'python3', provides: 'python3', purpose: 'comparing the validator with PyYAML' },
  { package: 'python3-pip', provides: 'pip3', purpose: 'comparing the validator with PyYAML' },
];

/** Completion is tested in the shells it is for, and what a terminal shows on a pseudo-terminal. */
export const shellRequirements: readonly Requirement[] = [
  { package: 'bash', provides: 'bash', purpose: 'testing completion' },
  { package: 'zsh', provides: 'zsh', purpose: 'testing completion' },
  { package: 'fish', provides: 'fish', purpose: 'testing completion' },
  { package: 'bsdutils', provides: 'script', purpose: 'testing on a terminal' },
];

export function findMissing(requirements: readonly Requirement[]): Requirement[] {
  return requirements.filter(({ provides }) =>
    provides.startsWith('/') ? !existsSync(provides) : findCommand(provides) === undefined,
  );
}

/** One line a missing thing, and the command that gets them all. */
export function describeMissing(missing: readonly Requirement[]): string[] {
  if (missing.length === 0) return [];
  return [
    ...missing.map(({ provides, package: name, purpose }) => `${provides} (Debian package ${name}), for ${purpose}`),
    `get them: apt-get install ${packageNames(missing).join(' ')}`,
  ];
}

/**
 * Installs through apt-get what is missing, where it may: as root on a Debian, saying what and why.
 * Returns what is missing still, with nothing done elsewhere.
 */
export async function installMissing(requirements: readonly Requirement[]): Promise<Requirement[]> {
  const missing = findMissing(requirements);
  if (missing.length === 0 || process.getuid?.() !== 0 || !findCommand('apt-get')) return missing;
  say('running as root on Debian, so installing the packages that are missing:');
  for (const { package: name, purpose } of missing) say(`  ${name}, for ${purpose}`);
  await runAptGet(['update', '-qq']);
  await runAptGet(['install', '-y', '-qq', '--no-install-recommends', ...packageNames(missing)]);
  return findMissing(requirements);
}

function packageNames(requirements: readonly Requirement[]): string[] {
  return [...new Set(requirements.map((requirement) => requirement.package))];
}

/** Its output goes to standard error, where all progress goes. */
async function runAptGet(args: readonly string[]): Promise<void> {
  const child = spawn('apt-get', args, {
    stdio: ['ignore', process.stderr, process.stderr],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`apt-get ${args.join(' ')} ended with ${code ?? 'a signal'}`);
}
