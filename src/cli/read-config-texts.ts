import type { ClusterSettings } from './cluster-access.ts';
import type { Io } from './command.ts';
import { configMapName } from './config-map-name.ts';
import { looksLikeManifest, readManifest } from './config-map-manifest.ts';
import { type Input, wholeText } from './config-text.ts';
import { nameInput, readInput } from './read-input.ts';

export interface TextSettings extends ClusterSettings {
  /** Data key of a ConfigMap in the cluster; default: as the controller finds it. */
  readonly key?: string;
}

/**
 * The config texts that a word of the command line names: a file, the ConfigMaps of a manifest, `-`, or a ConfigMap of the
 * cluster.
 *
 * @throws CommandError (3) where it cannot be read
 */
export async function readTexts(word: string, settings: TextSettings, io: Io): Promise<Input[]> {
  const name = configMapName(word);
  if (name === undefined) return readConfigTexts(nameInput(word), await readInput(word, io));
  // Files need no cluster: its client is loaded for a name only.
  const { withCluster } = await import('./cluster-access.ts');
  const { readConfigMapText } = await import('./read-config-map.ts');
  return withCluster(settings, async (access) => [
    await readConfigMapText(access, { name, key: settings.key }, io.signal),
  ]);
}

/** The config texts in what a file holds: the file itself, or the ConfigMaps of a manifest. */
export function readConfigTexts(file: string, content: Uint8Array): Input[] {
  const text = new TextDecoder().decode(content);
  return looksLikeManifest(text) ? readManifest(file, text) : [wholeText(file, content)];
}
