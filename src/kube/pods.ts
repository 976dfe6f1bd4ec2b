import { podAnnotations } from '../core/names.ts';
import type { PodView } from '../core/pod-view.ts';
import { formatRecord, recordAnnotation } from '../core/target-record.ts';
import type { ClockPort, PodPort } from '../operator/ports.ts';
import { isKind } from './api-error.ts';
import type { Urgency } from './call-queue.ts';
import type { KubeClient } from './kube-client.ts';
import { toPodView } from './pod-view.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

interface PodDeps {
  readonly client: KubeClient;
  readonly clock: ClockPort;
  readonly cached: Pick<PodPort, 'inNamespace' | 'usersOf'>;
}

interface PodRef {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
}

/**
 * Reads pods, and writes our annotations on them: always through `pods/status`, which can change annotations but never a
 * spec, and always with the uid, so that a pod of the same name that came later is left alone.
 */
export function createPods({ client, clock, cached }: PodDeps): PodPort {
  async function read(pod: PodRef, signal: AbortSignal): Promise<PodView | undefined> {
    try {
      const path = resourcePath(resources.pods, { namespace: pod.namespace, name: pod.pod });
      const view = toPodView((await client.request<unknown>({ path, signal })).body);
      return view.uid === pod.uid ? view : undefined;
    } catch (error) {
      if (isKind(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async function annotate(
    pod: PodRef,
    annotations: Record<string, string>,
    { signal, urgency }: { signal: AbortSignal; urgency: Urgency },
  ): Promise<boolean> {
    const path = resourcePath(resources.pods, { namespace: pod.namespace, name: pod.pod, subresource: 'status' });
    try {
      await client.mergePatch(path, { metadata: { uid: pod.uid, annotations } }, { signal, urgency });
      return true;
    } catch (error) {
      if (isKind(error, 'NotFound')) return false;
      // A uid that differs is refused as a conflict: then the pod we mean is gone. A busy pod is refused so, too.
      if (isKind(error, 'Conflict', 'Invalid') && !(await read(pod, signal))) return false;
      throw error;
    }
  }

  return {
    inNamespace: (namespace) => cached.inNamespace(namespace),
    usersOf: (namespace, configMap) => cached.usersOf(namespace, configMap),
    read,
    async evict({ namespace, pod, uid }, signal) {
      const path = resourcePath(resources.pods, { namespace, name: pod, subresource: 'eviction' });
      const metadata = { name: pod, namespace };
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata, deleteOptions: { preconditions: { uid } } };
      try {
        await client.request({ method: 'POST', path, body, signal });
        return 'evicted';
      } catch (error) {
        if (isKind(error, 'NotFound', 'Conflict')) return 'gone';
        if (isKind(error, 'Throttled')) return 'later';
        if (isKind(error, 'Forbidden')) return 'forbidden';
        throw error;
      }
    },
    nudge: (target, hash, signal) =>
      annotate(
        target,
        { [podAnnotations.configHash]: hash, [podAnnotations.nudgedAt]: clock.now().toISOString() },
        { signal, urgency: 'act' },
      ),
    record(target, { source, hash, request }, signal) {
      const record = { hash, containerId: target.running.containerId, request };
      const proven = { [recordAnnotation(source, target.container)]: formatRecord(record, source, target.container) };
      // An endpoint got its text by push: the same write makes the kubelet bring the file, for the container's next start.
      const nudge = target.channel.kind === 'endpoint' && target.isMounted;
      const hint = {
        [podAnnotations.configHash]: hash,
        ...(nudge ? { [podAnnotations.nudgedAt]: clock.now().toISOString() } : {}),
      };
      return annotate(target, { ...hint, ...proven }, { signal, urgency: 'record' });
    },
  };
}
