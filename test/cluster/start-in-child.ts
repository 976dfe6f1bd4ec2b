import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Starts a Kubernetes in a process of its own, so that a test can kill that process: resolves with its work folder
 * when it is ready.
 */
export async function startInChild(node: 'required' | 'none'): Promise<{ child: ChildProcess; folder: string }> {
  const kubernetes = fileURLToPath(new URL('kubernetes.ts', import.meta.url));
  const program = `
    import { startKubernetes } from ${JSON.stringify(kubernetes)};
    const { controlPlane } = await startKubernetes({ node: ${JSON.stringify(node)} });
    console.log(controlPlane.folder);
    setInterval(() => undefined, 3_600_000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const folder of createInterface({ input: child.stdout })) return { child, folder };
  throw new Error('the child ended before its Kubernetes was ready');
}
