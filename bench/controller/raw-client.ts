/**
 * A minimal API client: it sends and receives strings over keep-alive connections. The baseline uses it, and so does the
 * benchmark itself, so that it uses as little CPU as possible.
 */
import type { RequestOptions } from 'node:https';
import { Client, type Dispatcher, Pool } from 'undici';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';

export const JSON_BODY = 'application/json';

export interface RawRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Serialized JSON. */
  readonly body?: string;
  readonly type?: string;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

interface RawObject {
  readonly metadata: { readonly resourceVersion: string };
}

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key'>;

const KEEP_ALIVE_MS = 60_000;

export class RawClient {
  readonly #origin: string;
  readonly #tls: Tls;
  readonly #pool: Pool;
  readonly #watches: Client[] = [];

  private constructor(origin: string, tls: Tls, connections: number) {
    this.#origin = origin;
    this.#tls = tls;
    this.#pool = new Pool(origin, this.#options(connections));
  }

  /** `connections` is the maximum number of concurrent requests; each watch has a connection of its own. */
  static async connect(kubeconfig: string, connections: number): Promise<RawClient> {
    const config = loadKubeConfig({ path: kubeconfig });
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const { ca, cert, key } = options;
    return new RawClient(config.getCurrentCluster()?.server ?? '', { ca, cert, key }, connections);
  }

  /** Returns the response body. Rejects if the status is not 2xx. */
  async send({ method, path, body, type = JSON_BODY }: RawRequest): Promise<string> {
    const headers = body === undefined ? {} : { 'content-type': type };
    const answer = await this.#pool.request({ method, path, headers, body: body ?? null });
    const text = await answer.body.text();
    if (answer.statusCode < 200 || answer.statusCode > 299) throw new Error(`${method} ${path}: ${text}`);
    return text;
  }

  /**
   * Calls `onEvent` with each watch event, from the current resourceVersion on; resolves when the watch is open. The API server
   * closes watches of clients that are too slow; then a new watch continues from the last resourceVersion.
   */
  async watch(path: string, onEvent: (event: WatchEvent) => void): Promise<void> {
    const { metadata } = JSON.parse(await this.send({ method: 'GET', path: `${path}?limit=1` })) as RawObject;
    let version = metadata.resourceVersion;
    const client = new Client(this.#origin, { ...this.#options(1), bodyTimeout: 0 });
    this.#watches.push(client);
    const open = async (): Promise<void> => {
      const query = `watch=true&timeoutSeconds=3600&resourceVersion=${version}`;
      const { body, statusCode } = await client.request({ method: 'GET', path: `${path}?${query}` });
      if (statusCode !== 200) throw new Error(`watching ${path}: ${await body.text()}`);
      readLines(body, (line) => {
        const frame = JSON.parse(line) as WatchEvent;
        if (frame.type === 'ERROR') throw new Error(`watching ${path}: ${line}`);
        version = (frame.object as RawObject).metadata.resourceVersion;
        onEvent(frame);
      });
      body.once('end', () => void open());
    };
    await open();
  }

  /** Closes all connections, also of requests in flight. */
  async close(): Promise<void> {
    await Promise.all([this.#pool, ...this.#watches].map((one) => one.destroy()));
  }

  #options(connections: number): Pool.Options {
    const { ca, cert, key } = this.#tls;
    const connect = { ca, cert, key };
    return { connections, pipelining: 1, allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS, connect };
  }
}

function readLines(body: Dispatcher.ResponseData['body'], onLine: (line: string) => void): void {
  let pending: Buffer[] = [];
  body.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      onLine((pending.length === 1 ? chunk.subarray(start, end) : Buffer.concat(pending)).toString());
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  });
  body.on('error', () => undefined);
}
