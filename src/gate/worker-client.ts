import { Worker } from 'node:worker_threads';
import type { WorkerMessage } from './serve-thread.ts';

/** How long a thread may take to load its code, in milliseconds: far more than it needs on a busy machine. */
const START_DEADLINE_MS = 30_000;

/** The text took longer than its deadline or more memory than the thread may have. */
export class TooCostlyError extends Error {
  override readonly name = 'TooCostlyError';
}

export interface WorkerClientOptions {
  readonly entry: URL;
  readonly deadlineMs: number;
  /** The thread ends after so many milliseconds without work. */
  readonly idleMs: number;
}

interface Job<Request, Outcome> {
  readonly request: Request;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
}

/** One validation thread, started when it is needed, ended when idle or stuck; one text at a time, in order. */
export class WorkerClient<Request, Outcome> {
  private readonly options: WorkerClientOptions;
  private readonly waiting: Job<Request, Outcome>[] = [];
  private worker: Worker | undefined;
  private isReady = false;
  private current: Job<Request, Outcome> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: WorkerClientOptions) {
    this.options = options;
  }

  /** @throws TooCostlyError; Error where the thread cannot start or is stopped. */
  run(request: Request): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      this.startNext();
    });
  }

  /** Ends the thread; what is under way or waiting fails. */
  async stop(): Promise<void> {
    for (const job of this.waiting.splice(0)) job.reject(new Error('the validator is closed'));
    await this.end(new Error('the validator is closed'));
  }

  private startNext(): void {
    if (this.current || this.waiting.length === 0) return;
    if (!this.worker) {
      this.worker = this.start();
      this.after(START_DEADLINE_MS, new Error('the validation thread did not start in time'));
    }
    if (!this.isReady) return;
    this.current = this.waiting.shift();
    this.worker.ref();
    this.after(
      this.options.deadlineMs,
      new TooCostlyError(`validation took longer than ${this.options.deadlineMs} ms`),
    );
    this.worker.postMessage(this.current?.request);
  }

  private start(): Worker {
    const worker = new Worker(this.options.entry, {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    const ifPresent =
      <Argument>(react: (argument: Argument) => void) =>
      (argument: Argument) => {
        if (worker === this.worker) react(argument);
      };
    worker.on(
      'message',
      ifPresent((message: WorkerMessage<Outcome>) => this.receive(message)),
    );
    worker.on(
      'error',
      ifPresent((error: Error & { code?: string }) => {
        const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
        void this.end(isMemory ? new TooCostlyError('validation took too much memory', { cause: error }) : error);
      }),
    );
    worker.on(
      'exit',
      ifPresent(() => void this.end(new Error('the validation thread ended'))),
    );
    return worker;
  }

  private receive(message: WorkerMessage<Outcome>): void {
    clearTimeout(this.timer);
    if (message.type === 'ready') this.isReady = true;
    else {
      this.current?.resolve(message.outcome);
      this.current = undefined;
    }
    this.startNext();
    if (!this.current) this.rest();
  }

  /** Without work the thread keeps no process alive, and ends after a while. */
  private rest(): void {
    this.worker?.unref();
    this.timer = setTimeout(() => void this.end(new Error('idle')), this.options.idleMs).unref();
  }

  private after(ms: number, error: Error): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.end(error), ms);
  }

  /** The job under way fails; where the thread never became ready, so do those that wait for it, else they get a new one. */
  private async end(error: Error): Promise<void> {
    clearTimeout(this.timer);
    const { worker, current, isReady } = this;
    this.worker = undefined;
    this.current = undefined;
    this.isReady = false;
    current?.reject(error);
    if (worker && !isReady) for (const job of this.waiting.splice(0)) job.reject(error);
    this.startNext();
    await worker?.terminate();
  }
}
