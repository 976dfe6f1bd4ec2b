import { expect, test } from 'vitest';
import controller from '../../src/cli/controller.ts';
import { captureCommand } from './capture-command.ts';

test.each([
  ['a certificate without its key', ['--admission-listen', '127.0.0.1:0', '--admission-cert', 'tls.crt']],
  ['a key without its certificate', ['--admission-listen', '127.0.0.1:0', '--admission-key', 'tls.key']],
  ['certificate files for no webhook', ['--admission-cert', 'tls.crt', '--admission-key', 'tls.key']],
])('refuses %s', async (_name, argv) => {
  const { exitCode, stderr } = await captureCommand(controller, argv);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('--admission-cert and --admission-key belong together, and to --admission-listen');
});

test('names a certificate file that cannot be read', async () => {
  const argv = ['--admission-listen=127.0.0.1:0', '--admission-cert=no-such.crt', '--admission-key=no-such.key'];
  const { exitCode, stderr } = await captureCommand(controller, argv);
  expect(exitCode).toBe(3);
  expect(stderr).toContain('no-such.crt');
});
