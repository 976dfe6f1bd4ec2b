import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** How much of a request the API server records: who and what; also its body; also the answer. */
export type AuditLevel = 'Metadata' | 'Request' | 'RequestResponse';

/** One request as the API server saw it (audit.k8s.io/v1, what tests look at). */
export interface AuditEvent {
  readonly auditID: string;
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** The flags that make the API server write `audit.jsonl` into the folder, each request before its answer. */
export async function writeAuditPolicy(
  folder: string,
  level: AuditLevel,
): Promise<{ readonly log: string; readonly flags: readonly string[] }> {
  const log = join(folder, 'audit.jsonl');
  const policy = join(folder, 'audit-policy.yaml');
  const rules = [{ level }];
  const content = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules };
  await writeFile(policy, stringify(content));
  const flags = [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`, '--audit-log-mode=blocking'];
  return { log, flags };
}

/** Every request so far, in the order in which they were answered. */
export async function readAuditLog(log: string): Promise<AuditEvent[]> {
  const lines = (await readFile(log, 'utf8')).split('\n');
  lines.pop(); // what follows the last line end is not yet whole
  return lines.map((line) => JSON.parse(line) as AuditEvent);
}
