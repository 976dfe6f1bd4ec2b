/** What differs from run to run: names, times, ages, ids, versions, and the width of columns that hold them. */
export function normaliseOutput(text: string): string[] {
  return text
    .replace(/by-(signal|endpoint)-[a-z0-9]+-[a-z0-9]{5}/g, 'by-$1-*')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}/g, '<time>')
    .replace(/containerd:\/\/[0-9a-f]+/g, 'containerd://<id>')
    .replace(/(Resource Version:\s+)\d+/g, '$1<n>')
    .replace(/(Duration Ms:\s+)\d+/g, '$1<n>')
    .replace(/\b(\d+m)?\d+(\.\d+)? ?(ms|s)\b/g, '<duration>')
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
}
