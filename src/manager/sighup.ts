/** Where signals come from: `process`, or an EventEmitter in tests. */
export interface SignalSource {
  on(event: NodeJS.Signals, listener: () => void): unknown;
  off(event: NodeJS.Signals, listener: () => void): unknown;
}

/** Calls `listener` at each signal until the returned function is called. While it is on, the signal does not end the process. */
export function listenToSignal(source: SignalSource, signal: NodeJS.Signals, listener: () => void): () => void {
  const onSignal = () => listener();
  source.on(signal, onSignal);
  return () => void source.off(signal, onSignal);
}
