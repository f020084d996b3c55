/** What a controller asks of the API server, counted by kind: `POST jobs 201`, and once more as `dry run` where it is one. */
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { kubeconfig } from './cluster.ts';
import { eventually } from './eventually.ts';

/** SequentialJobs, CronSequentialJobs, Jobs and Pods. */
const WATCHES = 4;

export class CountedRequests {
  #requests: string[] = [];

  /** A connection whose requests are counted. */
  connect(): ApiClient {
    const client = createApiClient(loadKubeConfig({ path: kubeconfig() }), {
      userAgent: 'sequentialjob-counted',
      observe: ({ method, path, status }) => {
        const resource = path.replace(/^.*\/namespaces\/[^/]+\//, '').replace(/^([^/]+)\/[^/]+(\/status)?$/, '$1$2');
        this.#requests.push(`${method} ${resource} ${status}`);
      },
    });
    return {
      server: client.server,
      stream: async (request) => client.stream(request),
      close: async () => client.close(),
      request: async (request) => {
        if (request.query?.['dryRun'] !== undefined) this.#requests.push('dry run');
        return client.request(request);
      },
    };
  }

  /** Resolves when all watches of a controller stand; what it took to get there is forgotten. */
  async untilWatching(): Promise<void> {
    await this.#until('all watches', (request) => request.startsWith('WATCH'), WATCHES);
    this.take();
  }

  /** Resolves when so many were answered: what they wrote is there for others to see before that. */
  async until(request: string, count: number): Promise<void> {
    await this.#until(`${count} times ${request}`, (one) => one === request, count);
  }

  /** How many of each there were since the last call. */
  take(): Readonly<Record<string, number>> {
    const groups = Map.groupBy(this.#requests, (request) => request);
    this.#requests = [];
    return Object.fromEntries([...groups].map(([request, list]) => [request, list.length]));
  }

  async #until(what: string, isMeant: (request: string) => boolean, count: number): Promise<void> {
    await eventually(what, () => this.#requests.filter(isMeant).length >= count);
  }
}
