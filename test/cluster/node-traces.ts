/** Replaced when the node lands. */
export async function removeNodeTraces(folder: string): Promise<void> {
  await Promise.resolve(folder);
}
