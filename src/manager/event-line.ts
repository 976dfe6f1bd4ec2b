import { diffConfigs } from '../core/config-diff.ts';
import { isContentHash } from '../core/content-hash.ts';
import { leindexConfigSchema, type LeIndexConfig } from '../core/leindex-config.ts';
import { reloadFailed, reloadSucceeded, type ReloadEvent } from '../core/reload-event.ts';
import { RELOAD_RESULTS, type ReloadResult } from '../core/reload-result.ts';
import { deepFreeze } from './deep-freeze.ts';
import { isReloadTrigger } from './reload-request.ts';

/** The event as one line of JSON, with its end of line. */
export function writeEventLine(event: ReloadEvent): string {
  // The changes follow from the two configurations.
  return `${JSON.stringify({ ...event, changes: undefined })}\n`;
}

/** The event of a line; null where the line is torn or not one of ours. */
export function readEventLine(line: string): ReloadEvent | null {
  try {
    return readEvent(JSON.parse(line));
  } catch {
    return null;
  }
}

function readEvent(value: unknown): ReloadEvent | null {
  if (!isObject(value)) return null;
  const { id, timestamp, trigger, result, reason, oldHash, newHash, revision, errorMessage, durationMs } = value;
  if (typeof id !== 'string' || typeof timestamp !== 'string' || !isReloadTrigger(trigger)) return null;
  if (typeof reason !== 'string' || typeof durationMs !== 'number' || !isResult(result)) return null;
  if (!isHashOrNull(oldHash) || !isHashOrNull(newHash) || !(revision === null || typeof revision === 'number'))
    return null;
  const oldConfig = value['oldConfig'] === null ? null : readConfig(value['oldConfig']);
  if (oldConfig === null && value['oldConfig'] !== null) return null;
  const common = { id, at: new Date(timestamp), trigger, reason, oldHash, oldConfig, durationMs, revision };
  if (result !== 'success') {
    return typeof errorMessage === 'string' ? reloadFailed({ ...common, result, newHash, errorMessage }) : null;
  }
  const newConfig = readConfig(value['newConfig']);
  if (newConfig === null || newHash === null) return null;
  return reloadSucceeded({ ...common, newHash, newConfig, changes: diffConfigs(oldConfig, newConfig) });
}

/** The configuration where every field of the schema is there with its type, and nothing else. */
function readConfig(value: unknown): LeIndexConfig | null {
  return matches(value, leindexConfigSchema) ? deepFreeze(value as LeIndexConfig) : null;
}

interface Shape {
  readonly type: string;
  readonly properties?: Readonly<Record<string, Shape>>;
}

function matches(value: unknown, shape: Shape): boolean {
  if (shape.type === 'integer') return Number.isInteger(value);
  if (!shape.properties) return typeof value === shape.type;
  const { properties } = shape;
  if (!isObject(value) || Object.keys(value).length !== Object.keys(properties).length) return false;
  return Object.entries(properties).every(([name, field]) => Object.hasOwn(value, name) && matches(value[name], field));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isResult(value: unknown): value is ReloadResult {
  return RELOAD_RESULTS.includes(value as ReloadResult);
}

function isHashOrNull(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && isContentHash(value));
}
