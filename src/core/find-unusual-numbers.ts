import type { ConfigReading } from './config-reading.ts';
import type { Finding } from './config-tree.ts';
import { printable } from './printable.ts';

/** Warns of integers that YAML 1.1 reads otherwise than most people: `017` is 15, `1:30` is 90, `0x10` is 16, `1_000` is 1000. */
export function findUnusualNumbers({ sections }: ConfigReading): Finding[] {
  return [...sections.values()]
    .flatMap(({ fields }) => [...fields.values()])
    .flatMap(({ path, value }): Finding[] => {
      if (value.kind !== 'scalar' || value.scalar.type !== 'integer') return [];
      const plain = String(value.scalar.value);
      if (plain === value.text) return [];
      const message = `${path} is written ${printable(value.text, 40)}, which YAML 1.1 reads as ${plain}; better write ${plain}`;
      return [{ path, rule: 'unusual-number', message, at: value.at }];
    });
}
