import { mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild, type Child } from './child.ts';
import { nodePaths } from './node-traces.ts';
import { run, tryRun } from './run.ts';

export interface Containerd {
  readonly child: Child;
  /** As `unix:///…`, for the kubelet. */
  readonly endpoint: string;
}

/** statfs type of overlayfs, which cannot lie upon itself. */
const OVERLAYFS_MAGIC = 0x794c7630;

/** A containerd with everything of its own inside the work folder, beside any other that the machine runs. */
export async function startContainerd(options: {
  readonly folder: string;
  readonly cniFolder: string;
  /** Name of an image that `importImage` will load before the first pod. */
  readonly sandboxImage: string;
}): Promise<Containerd> {
  const { folder } = options;
  const socket = nodePaths(folder).containerdSocket;
  await mkdir(join(folder, 'containerd'));
  const config = join(folder, 'containerd', 'config.toml');
  await writeFile(config, await renderConfig(options));
  const child = await startChild({
    folder,
    name: 'containerd',
    command: 'containerd',
    args: ['--config', config],
  });
  await child.untilReady(async () => (await tryRun('ctr', ctrArguments(folder, 'version'))) !== undefined);
  return { child, endpoint: `unix://${socket}` };
}

/** Loads a docker-archive, from any process, into the namespace that the kubelet looks in. */
export async function importImage(folder: string, archive: string): Promise<void> {
  await run('ctr', ctrArguments(folder, 'images', 'import', archive));
}

/** Gives an image that the node has another name as well, complete with its registry. */
export async function tagImage(folder: string, image: string, as: string): Promise<void> {
  await run('ctr', ctrArguments(folder, 'images', 'tag', '--force', image, as));
}

function ctrArguments(folder: string, ...args: string[]): string[] {
  return ['--address', nodePaths(folder).containerdSocket, '--namespace', 'k8s.io', ...args];
}

async function renderConfig(options: Parameters<typeof startContainerd>[0]): Promise<string> {
  const paths = nodePaths(options.folder);
  const text = (value: string): string => JSON.stringify(value); // a TOML basic string escapes as JSON does
  const snapshotter = (await statfs(options.folder)).type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs';
  return `version = 2
root = ${text(join(options.folder, 'containerd', 'root'))}
state = ${text(paths.containerdState)}
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = ${text(paths.containerdSocket)}

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = ${text(options.sandboxImage)}
# Without CAP_SYS_RESOURCE nobody may lower a process's oom_score_adj.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = ${text(options.cniFolder)}

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = ${text(snapshotter)}

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = ${text(paths.runcRoot)}
`;
}
