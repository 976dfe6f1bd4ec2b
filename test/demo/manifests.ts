import { busyboxImage } from '../cluster/images.ts';

export const managerImage = 'localhost/leindex-reloader/app:demo';

export function configMap(total: number, globalIndex: number): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: leindex-config
  annotations:
    reload.leindex.io/enabled: "true"
data:
  mcp_config.yaml: |
    version: "2.0"
    memory:
      total_budget_mb: ${total}
      global_index_mb: ${globalIndex}
    projects: {}
    performance:
      parallel_workers: 4
`;
}

/** A process that knows nothing but SIGHUP, and one that runs the embedded manager with its endpoint. */
export const workloads = `${deployment(
  'by-signal',
  `
      - name: app
        image: ${busyboxImage}
        imagePullPolicy: Never
        command:
        - sh
        - -c
        - |
          load() { echo "$1 it runs $(grep -o 'total_budget_mb: [0-9]*' /etc/leindex/mcp_config.yaml)"; }
          trap 'load SIGHUP:' HUP
          trap 'exit 0' TERM
          load start:
          while :; do sleep 3600 & wait $!; done`,
)}---
${deployment(
  'by-endpoint',
  `
      - name: app
        image: ${managerImage}
        imagePullPolicy: Never
        args: [manager, --config, /etc/leindex/mcp_config.yaml, --listen, "0.0.0.0:8686", --insecure-no-auth]
        ports:
        - name: leindex-reload
          containerPort: 8686
        readinessProbe:
          httpGet: { path: /readyz, port: 8686 }
          periodSeconds: 1`,
)}`;

function deployment(name: string, container: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  selector:
    matchLabels: { app: ${name} }
  template:
    metadata:
      labels: { app: ${name} }
    spec:
      terminationGracePeriodSeconds: 1
      dnsPolicy: Default
      containers:${container}
        volumeMounts:
        - name: config
          mountPath: /etc/leindex
      volumes:
      - name: config
        configMap:
          name: leindex-config
`;
}
