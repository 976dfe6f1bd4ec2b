import type { ScalarValue } from '../config-tree.ts';

/** Python refuses to read a decimal number of more digits (`sys.int_info.default_max_str_digits`). */
const MAX_DECIMAL_DIGITS = 4300;
/** 60 ** 174 does not fit a double: Python's sexagesimal floats end there. */
const MAX_SEXAGESIMAL_PARTS = 174;

const BOOLEAN = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const INTEGER = /^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.\d*)?(?:[ \t]*(?:Z|[-+](\d\d?)(?::(\d\d))?))?$/;

/** What PyYAML's `safe_load` makes of an untagged plain scalar; undefined where its constructor throws (`2024-02-31`, `0x_`). */
export function resolvePlainScalar(text: string): ScalarValue | undefined {
  if (NULL.test(text)) return { type: 'null' };
  if (BOOLEAN.test(text)) return { type: 'boolean', value: /^(?:y|t|on)/i.test(text) };
  if (text === '<<') return { type: 'merge' };
  if (text === '=') return { type: 'default' };
  if (!/^[-+.\d]/.test(text)) return { type: 'string', value: text };
  if (FLOAT.test(text)) return readFloat(text);
  if (INTEGER.test(text)) return readInteger(text);
  const date = DATE.exec(text) ?? DATE_TIME.exec(text);
  if (date) return isRealDate(date) ? { type: 'timestamp' } : undefined;
  return { type: 'string', value: text };
}

function readInteger(text: string): ScalarValue | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '').replaceAll('_', '');
  const value = digits.includes(':') ? readSexagesimal(digits.split(':')) : readDigits(digits);
  return value === undefined ? undefined : { type: 'integer', value: value === 0 ? 0 : sign * value };
}

function readDigits(digits: string): number | undefined {
  const base = digits.startsWith('0b') ? 2 : digits.startsWith('0x') ? 16 : digits.startsWith('0') ? 8 : 10;
  if (base === 10) return digits.length > MAX_DECIMAL_DIGITS ? undefined : Number(digits);
  const bare = base === 8 ? digits : digits.slice(2);
  return bare === '' ? undefined : Number({ 2: '0b', 8: '0o', 16: '0x' }[base] + bare);
}

function readSexagesimal(parts: readonly string[]): number | undefined {
  if (parts.some((part) => part.length > MAX_DECIMAL_DIGITS)) return undefined;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

function readFloat(text: string): ScalarValue | undefined {
  const word = text.replaceAll('_', '').toLowerCase();
  if (word.includes('inf')) return { type: 'float', value: word.startsWith('-') ? -Infinity : Infinity };
  if (word === '.nan') return { type: 'float', value: NaN };
  if (!word.includes(':')) return { type: 'float', value: Number(word) };
  const parts = word.replace(/^[-+]/, '').split(':');
  if (parts.length > MAX_SEXAGESIMAL_PARTS) return undefined;
  const size = parts.reduce((sum, part) => sum * 60 + Number(part), 0);
  return { type: 'float', value: word.startsWith('-') ? -size : size };
}

function isRealDate(match: RegExpExecArray): boolean {
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zoneHour = 0, zoneMinute = 0] = match.map(
    (part: string | undefined) => Number(part ?? 0),
  );
  const lastDay = month >= 1 && month <= 12 ? new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate() : 0;
  const isTime = hour <= 23 && minute <= 59 && second <= 59 && zoneHour * 60 + zoneMinute < 24 * 60;
  return year >= 1 && day >= 1 && day <= lastDay && isTime;
}
