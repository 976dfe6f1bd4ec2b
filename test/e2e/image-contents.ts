import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../cluster/run.ts';

/** A file of an image, as its layer has it. */
export interface ImageFile {
  /** Without a leading slash. */
  readonly path: string;
  /** As `ls -l` shows it: `-rwxr-xr-x`. */
  readonly mode: string;
}

/** What is in a docker-archive. */
export interface ImageContents {
  /** Folders left out; the lowest layer first. */
  readonly layers: readonly (readonly ImageFile[])[];
  /** Of all layers, unpacked, bytes. */
  readonly size: number;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
    readonly Healthcheck?: unknown;
  };
}

export async function readImage(archive: string): Promise<ImageContents> {
  const work = await mkdtemp(join(tmpdir(), 'leindex-reloader-image-'));
  try {
    await run('tar', ['-C', work, '-xf', archive]);
    const [manifest] = JSON.parse(await readFile(join(work, 'manifest.json'), 'utf8')) as [
      { readonly Config: string; readonly Layers: readonly string[] },
    ];
    const { config } = JSON.parse(await readFile(join(work, manifest.Config), 'utf8')) as Pick<ImageContents, 'config'>;
    const listings = await Promise.all(manifest.Layers.map((layer) => run('tar', ['-tvf', join(work, layer)])));
    const entries = listings.map((listing) => listing.trim().split('\n').map(parseEntry));
    const size = entries.flat().reduce((sum, { bytes }) => sum + bytes, 0);
    const layers = entries.map((layer) => layer.filter(({ mode }) => !mode.startsWith('d')));
    return { layers, size, config };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A line of `tar -tv`: mode, owner, size, date, time, and the path, to which a link's goal is added. */
function parseEntry(line: string): ImageFile & { readonly bytes: number } {
  const [, mode = '', bytes = '0', path = ''] =
    /^(\S+) \S+ +(\d+) \S+ \S+ (.*?)(?: -> .*| link to .*)?$/.exec(line) ?? [];
  return { mode, bytes: Number(bytes), path: path.replace(/^\.?\//, '') };
}
