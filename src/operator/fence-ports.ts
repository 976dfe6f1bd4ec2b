import type { Ports } from './ports.ts';

/**
 * The same ports, asking `assertMayAct` right before each call that changes anything outside: a process that was stopped
 * for a while goes on in the middle of a reconcile, where no timer has told it yet that its lease is gone.
 *
 * @param assertMayAct throws where this process may not act any more
 */
export function fencePorts(ports: Ports, assertMayAct: () => void): Ports {
  const { sources, pods, reloads, revisions, signals, endpoints } = ports;
  return {
    ...ports,
    sources: fence(sources, ['restore', 'publish'], assertMayAct),
    pods: fence(pods, ['nudge', 'record', 'evict'], assertMayAct),
    reloads: fence(reloads, ['create', 'adopt', 'writeStatus'], assertMayAct),
    revisions: fence(revisions, ['save', 'prune'], assertMayAct),
    signals: fence(signals, ['attempt'], assertMayAct),
    endpoints: fence(endpoints, ['attempt'], assertMayAct),
  };
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** A port is an object of functions that return promises; those of these names are replaced. */
function fence<Port extends object>(port: Port, names: readonly (keyof Port)[], assertMayAct: () => void): Port {
  const fenced = names.map((name) => {
    const call = port[name] as Call;
    return [
      name,
      async (...args: unknown[]) => {
        assertMayAct();
        return call.apply(port, args);
      },
    ];
  });
  return { ...port, ...(Object.fromEntries(fenced) as Partial<Port>) };
}
