import { expect, test } from 'vitest';
import { nameOf } from '../../src/cli/program-name.ts';
import { showTable } from '../../src/cli/table.ts';

test('a table has its columns under their names, and a dash for nothing', () => {
  expect(showTable(['A', 'LONG'], [{ cells: ['first', ''] }, { cells: ['x', 'y'] }])).toBe(
    'A      LONG\nfirst  -\nx      y\n',
  );
});

test('a table is cut to the width of the terminal', () => {
  const lines = showTable(['A', 'B'], [{ cells: ['x', 'y'.repeat(100)] }], 20).split('\n');
  expect(lines[1]).toBe(`x  ${'y'.repeat(16)}…`);
});

test('foreign control characters never reach the terminal', () => {
  expect(showTable(['A'], [{ cells: ['\u001b[31mred\n\u202e'] }])).toBe('A\n\\u001b[31mred\\u000a\\u202e\n');
});

test.each([
  ['/usr/bin/kubectl-leindex', 'kubectl leindex'],
  ['/a/dist/leindex-reloader.js', 'leindex-reloader'],
  ['', 'leindex-reloader'],
])('the program started as %j is called %s', (path, name) => {
  expect(nameOf(path)).toBe(name);
});
