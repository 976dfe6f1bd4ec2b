/** Whether `version` was given before `other`. Resource versions are whole numbers; of any other text nothing is known: false. */
export function isOlderVersion(version: string, other: string): boolean {
  if (!isWholeNumber(version) || !isWholeNumber(other)) return false;
  return version.length === other.length ? version < other : version.length < other.length;
}

const isWholeNumber = (text: string) => /^(?:0|[1-9]\d*)$/.test(text);
