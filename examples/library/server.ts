/** A server that embeds the manager: each request sees one whole configuration, the newest valid one, and no restart brings it. */
import { createServer } from 'node:http';
import { ConfigReloadManager, createManagerMetrics, HttpEndpoint } from 'leindex-reloader';
import { pino } from 'pino';

const logger = pino();
const metrics = createManagerMetrics();
const manager = new ConfigReloadManager({
  path: process.env['CONFIG_FILE'] ?? '/etc/leindex/mcp_config.yaml',
  watch: true,
  logger,
  onEvent: metrics.countEvent,
});
// What must be made anew when the configuration changes, a pool of threads, say, is made anew here.
manager.subscribe((before, after) => {
  logger.info({ from: before?.performance.parallel_workers, to: after.performance.parallel_workers }, 'workers');
});
await manager.start();
metrics.showLoaded(manager.getRunning());

// The controller calls this one, by the name of its port: see library.yaml.
const endpoint = new HttpEndpoint({
  manager,
  listen: { host: '0.0.0.0', port: 8686 },
  registry: metrics.registry,
  logger,
  // Any pod may then ask for a reload, though for no text that is not valid; `tokenFile` asks for a token.
  allowNoAuth: true,
});
await endpoint.start();

const server = createServer((_request, response) => {
  const config = manager.getCurrentConfig();
  response.writeHead(config ? 200 : 503, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ workers: config?.performance.parallel_workers ?? null }));
}).listen(8080);

process.once('SIGTERM', () => {
  server.close();
  void Promise.all([endpoint.stop(), manager.stop()]).then(() => process.exit(0));
});
