import { join } from 'node:path';
import type { Plugin } from 'esbuild';

/**
 * Leaves out of the bundle what of client-node and undici is never used: 90 typed APIs and models, exec, attach, log and
 * copy, informers; fetch, WebSocket, caches, mocks. Neither can be shaken off, since both hang on their index. It saves
 * some 12 MB of resident memory (docs/benchmarks.md). Only re-exports: no behaviour of theirs is replaced.
 */
export function slimClient(root: string): Plugin {
  const client = join(root, 'node_modules', '@kubernetes', 'client-node', 'dist');
  const undici = join(root, 'node_modules', 'undici');
  return {
    name: 'slim-client',
    setup(build) {
      // Of client-node only KubeConfig is used (src/kube/credentials.ts).
      build.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: join(client, 'config.js') }));
      // KubeConfig wants two names of the generated code, for the typed clients that nobody asks it for.
      build.onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
        importer === join(client, 'config.js') ? { path: 'gen', namespace: 'slim-client-node' } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: 'slim-client-node' }, () => ({
        contents: `
          export { createConfiguration } from './configuration.js';
          export { ServerConfiguration } from './servers.js';`,
        resolveDir: join(client, 'gen'),
      }));
      build.onResolve({ filter: /^undici$/ }, () => ({ path: 'undici', namespace: 'slim-undici' }));
      build.onLoad({ filter: /.*/, namespace: 'slim-undici' }, () => ({
        contents: `
          const Dispatcher = require('./lib/dispatcher/dispatcher');
          Dispatcher.prototype.request = require('./lib/api/api-request');
          exports.Agent = require('./lib/dispatcher/agent');
          exports.ProxyAgent = require('./lib/dispatcher/proxy-agent');
          exports.Socks5ProxyAgent = require('./lib/dispatcher/socks5-proxy-agent');`,
        resolveDir: undici,
      }));
    },
  };
}
