import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { findOrBuildBinaries } from './binaries.ts';
import { busyboxImage } from './images.ts';
import { startKubernetes } from './kubernetes.ts';

/** `npm run cluster`: a whole Kubernetes to play with, until Ctrl-C. */
const { values } = parseArgs({ options: { 'no-node': { type: 'boolean', default: false } } });
const kubernetes = await startKubernetes({ node: values['no-node'] ? 'none' : 'if-possible' });
const { kubectl } = await findOrBuildBinaries(['kubectl']);
const { controlPlane, node, missing } = kubernetes;
const lines = [
  `Kubernetes is up at ${controlPlane.url}`,
  node
    ? `with one node, ${node.address}; pods may use the image ${busyboxImage}`
    : `without a node, so no pod will run. Missing:\n  ${missing.join('\n  ')}`,
  '',
  `  export KUBECONFIG=${controlPlane.kubeconfig}`,
  `  ${kubectl} get nodes`,
  '',
  `Logs are in ${controlPlane.folder}/logs. Ctrl-C ends it and removes everything.`,
];
console.log(lines.join('\n'));
const keepAlive = setInterval(() => undefined, 3_600_000);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
clearInterval(keepAlive);
console.log('\nstopping');
await kubernetes.stop();
