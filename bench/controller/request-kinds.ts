/** The kinds of requests that the controller sends for a sequence, and for each the least that Kubernetes takes for a write of that size. */
import {
  collectionPath,
  CONFIG_MAPS,
  EVENTS,
  JOBS,
  objectPath,
  type Resource,
  SEQUENTIAL_JOBS,
} from '../../shared/kube/resources.ts';
import { JSON_BODY, type RawClient, type RawRequest } from './raw-client.ts';
import { PLACEHOLDER, type Recording } from './recording.ts';
import { sequenceBody, STEPS } from './sequences.ts';

const JSON_PATCH = 'application/json-patch+json';
/** At the same time. */
const CONNECTIONS = 8;

export interface Kind {
  /** Sent before the measurement, for each sequence. */
  readonly prepare?: (name: string) => RawRequest;
  /** What is measured for each sequence: one after the other, each request with the answer of the one before. */
  readonly requests: (name: string) => readonly ((answer: string) => RawRequest)[];
}

/** Requests that wait to be sent. */
export interface Prepared {
  readonly count: number;
  send(): Promise<void>;
}

/** Sends requests of sequences with ever new names in one namespace. */
export class RequestSender {
  readonly #raw: RawClient;
  #names = 0;

  constructor(raw: RawClient) {
    this.#raw = raw;
  }

  /** Prepares so many sequences, and resolves with what sends their requests, and how many these are. */
  async prepare({ prepare, requests }: Kind, sequences: number): Promise<Prepared> {
    const names = Array.from({ length: sequences }, () => `request-${String((this.#names += 1)).padStart(6, '0')}`);
    const prepared: { readonly name: string; readonly answer: string }[] = [];
    await inParallel(names, async (name) => {
      prepared.push({ name, answer: prepare === undefined ? '' : await this.#raw.send(prepare(name)) });
    });
    const chains = prepared.map(({ name, answer }) => ({ answer, requests: requests(name) }));
    const rounds = Math.max(...chains.map((chain) => chain.requests.length));
    return {
      count: chains.reduce((sum, chain) => sum + chain.requests.length, 0),
      send: async () => {
        // A write right after another one of the same object costs twice as much: the API server's cache is not up to date yet.
        for (let round = 0; round < rounds; round += 1) {
          await inParallel(chains, async (chain) => {
            const request = chain.requests[round];
            if (request !== undefined) chain.answer = await this.#raw.send(request(chain.answer));
          });
        }
      },
    };
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

const versionOf = (answer: string): string => /"resourceVersion":"(\d+)"/.exec(answer)?.[1] ?? '';

/** The writes of a sequence, as recorded, in that namespace. */
export function kindsOf(
  recording: Recording,
  namespace: string,
): Readonly<Record<'job' | 'dryRun' | 'event' | 'status', Kind>> {
  const { jobs, events } = recording;
  const create = (resource: Resource, body: string, query = ''): RawRequest =>
    creation(resource, namespace, body, query);
  return {
    job: {
      requests: (name) => jobs.map((job) => () => create(JOBS, fill(job, name))),
    },
    dryRun: {
      requests: (name) => jobs.map((job) => () => create(JOBS, fill(job, name), '&dryRun=All')),
    },
    event: {
      requests: (name) =>
        events.flat().map((event, i) => () => {
          const serial = i.toString(16).padStart(16, '0');
          return create(EVENTS, fill(event, name).replace(PLACEHOLDER.serial, serial));
        }),
    },
    status: statusKind(recording, namespace, SEQUENTIAL_JOBS),
  };
}

/** The status writes, of that resource in that namespace. */
export const statusKind = ({ statuses }: Recording, namespace: string, resource: Resource): Kind => ({
  prepare: (name) =>
    creation(
      resource,
      namespace,
      sequenceBody(name, STEPS).replace(apiVersionOf(SEQUENTIAL_JOBS), apiVersionOf(resource)),
    ),
  requests: (name) =>
    statuses.map((status) => (answer: string) => ({
      method: 'PATCH',
      path: `${objectPath(resource, namespace, name, 'status')}?fieldManager=sequentialjob`,
      body: fill(status, name).replace(PLACEHOLDER.version, versionOf(answer)),
      type: JSON_PATCH,
    })),
});

const apiVersionOf = ({ root }: Resource): string => root.replace('/apis/', '');

const fill = (text: string, name: string): string => text.replaceAll(PLACEHOLDER.name, name);

const creation = (resource: Resource, namespace: string, body: string, query = ''): RawRequest => ({
  method: 'POST',
  path: `${collectionPath(resource, namespace)}?fieldManager=sequentialjob${query}`,
  body,
});

/** As many ConfigMaps of that size, created. */
export const createConfigMaps = (namespace: string, bytes: number, each: number): Kind => ({
  requests: (name) => Array.from({ length: each }, (_, i) => () => configMap(namespace, `${name}-${i}`, bytes)),
});

interface Changes {
  /** The size of the ConfigMap, and of what is changed. */
  readonly bytes: number;
  readonly changed: number;
  /** How many changes. */
  readonly each: number;
}

/** As many changes of a ConfigMap of that size. */
export const changeConfigMaps = (namespace: string, { bytes, changed, each }: Changes): Kind => ({
  prepare: (name) => configMap(namespace, name, bytes),
  requests: (name) =>
    Array.from({ length: each }, (_, i) => (answer: string) => ({
      method: 'PATCH',
      path: objectPath(CONFIG_MAPS, namespace, name),
      body: JSON.stringify([
        { op: 'replace', path: '/metadata/resourceVersion', value: versionOf(answer) },
        { op: 'add', path: '/data/changed', value: String(i).repeat(changed) },
      ]),
      type: JSON_PATCH,
    })),
});

function configMap(namespace: string, name: string, bytes: number): RawRequest {
  const body = JSON.stringify({ metadata: { name }, data: { text: 'x'.repeat(bytes) } });
  return { method: 'POST', path: collectionPath(CONFIG_MAPS, namespace), body, type: JSON_BODY };
}
