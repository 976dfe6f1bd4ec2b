import { readFileSync } from 'node:fs';

/** The Go module that pins Kubernetes, etcd and the Go release; the versions are written there and nowhere else. */
export const binariesModule = new URL('./binaries/', import.meta.url);

/** As `v1.36.3`. */
export const kubernetesVersion = readPinned(/^\s*k8s\.io\/kubernetes (v\S+)/m);

/** The Go release that builds it, as `1.26.0`. */
export const goVersion = readPinned(/^go (\S+)/m);

/** The numbers of the first `1.2` or `1.2.3` in a text; a missing patch is 0. */
export function parseVersion(text: string): readonly [major: number, minor: number, patch: number] | undefined {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)] : undefined;
}

function readPinned(line: RegExp): string {
  const version = line.exec(readFileSync(new URL('go.mod', binariesModule), 'utf8'))?.[1];
  if (version === undefined) throw new Error(`test/cluster/binaries/go.mod has no line like ${line.source}`);
  return version;
}
