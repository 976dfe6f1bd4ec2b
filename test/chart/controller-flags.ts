import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Whether `leindex-reloader controller` understands these flags: it then stops at a file of certificates that does not
 * exist, which it reads when all flags were read. A flag that it does not understand is in the error.
 */
export async function checkControllerFlags(args: readonly string[]): Promise<'understood'> {
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
  const others = args
    .filter((arg) => !arg.startsWith('--endpoint-ca-file='))
    .map((arg) => arg.replace(/^(--admission-(?:cert|key))=.*/, '$1=no-such-file'));
  const all = [main, 'controller', ...others, '--endpoint-ca-file=no-such-file'];
  try {
    await promisify(execFile)(process.execPath, all, { timeout: 20_000 });
  } catch (error) {
    const { code, stderr } = error as { code?: number; stderr?: string };
    if (code === 3 && stderr?.includes('no-such-file')) return 'understood';
    throw new Error(`it ended with ${code ?? 'a signal'}: ${stderr ?? ''}`, { cause: error });
  }
  throw new Error('it started');
}
