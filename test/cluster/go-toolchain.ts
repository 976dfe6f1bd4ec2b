import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand } from './find-command.ts';
import { describeMissing, goRequirement, installMissing } from './packages.ts';
import { say } from './progress.ts';
import { run } from './run.ts';
import { goVersion, parseVersion } from './versions.ts';

export interface Go {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Go's releases from here on fetch the release that a go.mod asks for by themselves. */
const firstSelfUpgrading = [1, 21] as const;

/** A Go that builds the pinned Kubernetes; an older one fetches the pinned release as a Go module. */
export async function findGo(): Promise<Go> {
  const command = locateGo() ?? (await installGo());
  const found = parseVersion(await run(command, ['version'], { cwd: tmpdir(), env: localEnv() }));
  if (!found) throw new Error(`cannot read the version of ${command}`);
  if (isAtLeast(found, firstSelfUpgrading)) {
    const isNewEnough = isAtLeast(found, parseVersion(goVersion) ?? [0, 0]);
    return { command, env: isNewEnough ? { ...process.env } : { ...process.env, GOTOOLCHAIN: 'auto' } };
  }
  return { command: await fetchToolchain(command), env: { ...process.env, GOTOOLCHAIN: 'local' } };
}

function locateGo(): string | undefined {
  return findCommand('go') ?? findCommand('go', ['/usr/local/go/bin', '/usr/lib/go/bin']);
}

async function installGo(): Promise<string> {
  const missing = await installMissing([goRequirement]);
  const command = locateGo();
  if (command) return command;
  throw new Error(
    [
      `Kubernetes has to be built once and Go is missing: install Go ${goVersion} or newer,`,
      'or point KUBEBUILDER_ASSETS at a folder with kube-apiserver, etcd and kubectl.',
      ...describeMissing(missing),
    ].join('\n'),
  );
}

/** Go before 1.21 knows no toolchain line, but downloads the same module when told to; it lacks the executable bits. */
async function fetchToolchain(oldGo: string): Promise<string> {
  const platform = (await run(oldGo, ['env', 'GOOS', 'GOARCH'])).trim().split(/\s+/).join('-');
  const module = `golang.org/toolchain@v0.0.1-go${goVersion}.${platform}`;
  say(`fetching Go ${goVersion}: ${oldGo} is too old`);
  const folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-go-'));
  try {
    await run(oldGo, ['mod', 'init', 'fetch'], { cwd: folder });
    const answer = JSON.parse(await run(oldGo, ['mod', 'download', '-json', module], { cwd: folder })) as {
      Dir: string;
    };
    const toolFolder = join(answer.Dir, 'pkg', 'tool', platform.replace('-', '_'));
    for (const bin of [join(answer.Dir, 'bin'), toolFolder]) {
      for (const name of await readdir(bin)) await chmod(join(bin, name), 0o755);
    }
    return join(answer.Dir, 'bin', 'go');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function localEnv(): NodeJS.ProcessEnv {
  return { ...process.env, GOTOOLCHAIN: 'local' };
}

function isAtLeast(version: readonly number[], [major, minor]: readonly [number, number, ...number[]]): boolean {
  const [haveMajor = 0, haveMinor = 0] = version;
  return haveMajor > major || (haveMajor === major && haveMinor >= minor);
}
