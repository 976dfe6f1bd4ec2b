import { parentPort } from 'node:worker_threads';

/** What a thread of a WorkerClient says: `ready` once, then an outcome for each request in turn. */
export type WorkerMessage<Outcome> =
  { readonly type: 'ready' } | { readonly type: 'outcome'; readonly outcome: Outcome };

/** Answers each request of the WorkerClient that this thread belongs to. */
export function serveThread(answer: (request: never) => unknown): void {
  const post = (message: WorkerMessage<unknown>) => parentPort?.postMessage(message);
  parentPort?.on('message', (request) => post({ type: 'outcome', outcome: answer(request as never) }));
  post({ type: 'ready' });
}
