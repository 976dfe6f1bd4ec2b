import { printable } from './printable.ts';

/** Which addresses an endpoint may have, beyond the pod's own rules. */
export interface AddressRules {
  /** CIDRs from `--allow-endpoint-cidr`: allowed even where they lie in a refused range. */
  readonly allowed: readonly string[];
  readonly isHostNetworkAllowed: boolean;
}

/** Never a pod's address: loopback, link-local, multicast, unspecified, broadcast, and IPv4 written as IPv6. */
const REFUSED = [
  '0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3',
  '::/96', '::ffff:0:0/96', '64:ff9b::/96', 'fe80::/10', 'ff00::/8',
]; // prettier-ignore

/** Why this address may not be called, or undefined where it may. */
export function refuseAddress(address: string, rules: AddressRules): string | undefined {
  const bits = addressBits(address);
  if (!bits) return `"${printable(address, 45)}" is not an IP address`;
  if (rules.allowed.some((cidr) => isWithin(bits, cidr))) return undefined;
  const range = REFUSED.find((cidr) => isWithin(bits, cidr));
  return range && `${address} lies in ${range}, where no pod is called; --allow-endpoint-cidr can name it`;
}

/** Whether the text is a CIDR, `10.0.0.0/8` or `fd00::/8`. */
export function isCidr(text: string): boolean {
  return parseCidr(text) !== undefined;
}

interface Bits {
  readonly value: bigint;
  readonly width: 32 | 128;
}

function isWithin(address: Bits, cidr: string): boolean {
  const range = parseCidr(cidr);
  if (!range || range.bits.width !== address.width) return false;
  const shift = BigInt(address.width - range.prefix);
  return range.bits.value >> shift === address.value >> shift;
}

function parseCidr(cidr: string): { bits: Bits; prefix: number } | undefined {
  const [, network = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(cidr) ?? [];
  const bits = addressBits(network);
  const prefix = Number(digits);
  return bits && prefix <= bits.width ? { bits, prefix } : undefined;
}

/** Strict: dotted decimals without leading zeros, or IPv6 without zone. */
function addressBits(address: string): Bits | undefined {
  const four = parseIPv4(address);
  if (four !== undefined) return { value: four, width: 32 };
  const six = parseIPv6(address);
  return six === undefined ? undefined : { value: six, width: 128 };
}

function parseIPv4(address: string): bigint | undefined {
  const octets = address.split('.');
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256))
    return undefined;
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

function parseIPv6(address: string): bigint | undefined {
  const tail = /^(.*:)([\d.]+)$/.exec(address);
  const embedded = tail?.[2]?.includes('.') ? parseIPv4(tail[2]) : undefined;
  if (tail?.[2]?.includes('.') && embedded === undefined) return undefined;
  const text =
    embedded === undefined
      ? address
      : `${tail?.[1] ?? ''}${(embedded >> 16n).toString(16)}:${(embedded & 0xffffn).toString(16)}`;
  const halves = text.split('::');
  if (halves.length > 2 || !/^[0-9A-Fa-f:]+$/.test(text)) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...rest];
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
