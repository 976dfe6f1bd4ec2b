import { createHash } from 'node:crypto';
import type { TargetRecord } from './target.ts';
import { podAnnotations } from './names.ts';

/**
 * What is proven to run in a container is written on its own pod, one annotation a source and container, so that it survives
 * the controller, scales with the pods, and two sources of one pod never overwrite each other.
 * The value reads `<hash> <container id> <request> <source>/<container>`.
 */
export function recordAnnotation(source: string, container: string): string {
  return podAnnotations.applied + digest(`${source}/${container}`);
}

export function formatRecord(record: TargetRecord, source: string, container: string): string {
  return `${record.hash} ${shortContainerId(record.containerId)} ${record.request || '-'} ${source}/${container}`;
}

/** undefined where there is none, it cannot be read, or it speaks of an earlier instance of the container. */
export function readRecord(value: string | undefined, containerId: string): TargetRecord | undefined {
  const match = /^(sha256:[0-9a-f]{64}) (\S+) (\S+) \S+$/.exec(value ?? '');
  if (!match || match[2] !== shortContainerId(containerId)) return undefined;
  return { hash: match[1] ?? '', containerId, request: match[3] === '-' ? '' : (match[3] ?? '') };
}

/** A `requested-at` value as records carry it. */
export function requestToken(requestedAt: string | undefined): string {
  return requestedAt === undefined ? '' : digest(requestedAt);
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10);
const shortContainerId = (id: string) => id.replace(/^.*:\/\//, '').slice(0, 12) || 'none';
