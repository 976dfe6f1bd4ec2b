import { describe, expect, it } from 'vitest';
import { isCidr, refuseAddress } from '../../src/core/address-rules.ts';

const none = { allowed: [], isHostNetworkAllowed: false };

describe('addresses that are never called', () => {
  it.each([
    '127.0.0.1', '127.1.2.3', '0.0.0.0', '169.254.169.254', '224.0.0.1', '255.255.255.255', '::1', '::', 'fe80::1', 'ff02::1',
    '::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '64:ff9b::7f00:1', 'localhost', '0x7f000001', '2130706433', '127.1', '0', '',
    '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '10.0.0.1:80', 'evil.example', '::1%lo', ':::', '1::2::3',
  ])('%s', (address) => {
    expect(refuseAddress(address, none)).toBeTypeOf('string');
  }); // prettier-ignore
});

it.each(['10.1.2.3', '192.168.0.7', '198.18.64.2', '8.8.8.8', 'fd00::1', '2001:db8::2'])(
  '%s may be called',
  (address) => {
    expect(refuseAddress(address, none)).toBeUndefined();
  },
);

it('a CIDR that was allowed opens just that range', () => {
  const rules = { ...none, allowed: ['127.64.0.0/10', 'fe80::/64'] };
  expect(refuseAddress('127.64.0.1', rules)).toBeUndefined();
  expect(refuseAddress('127.0.0.1', rules)).toBeTypeOf('string');
  expect(refuseAddress('fe80::5', rules)).toBeUndefined();
  expect(refuseAddress('fe80:0:0:1::5', rules)).toBeTypeOf('string');
});

it.each([
  ['10.0.0.0/8', true], ['10.0.0.0/33', false], ['fd00::/128', true], ['fd00::/129', false], ['10.0.0.0', false], ['x/8', false],
] as const)('isCidr(%s) is %s', (text, expected) => expect(isCidr(text)).toBe(expected)); // prettier-ignore
