/**
 * The objects of the simulated API server, in the shape in which Kubernetes 1.36 sends them: what the server adds to a
 * created object, what the Job controller writes, and templates of recorded objects that are filled for many sequences.
 */
import { API_VERSION, MANAGER } from '../../shared/api/group.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import type { JobManifest } from '../../shared/jobs/job.ts';
import { sequenceBody, STEPS } from '../controller/sequences.ts';

export interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly [field: string]: unknown;
}

/** An object as the server stores it. */
export interface Stored {
  readonly metadata: Metadata;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** Names a sequence of the server and its Jobs. */
export interface Identity {
  readonly index: number;
  readonly namespace: string;
}

/** All names have the same length, so that the name of a Job tells its sequence. */
export const nameOf = (index: number): string => `nightly-import-${String(index).padStart(6, '0')}`;
export const indexOf = (name: string): number => Number(/^nightly-import-(\d{6})/.exec(name)?.[1]);

const uidStart = (index: number): string => `${index.toString(16).padStart(8, '0')}-5ca1-4e00`;
/** `part` 0 is the sequence, `part` n + 1 the Job of step n. */
export const uidOf = (index: number, part: number): string =>
  `${uidStart(index)}-8000-${part.toString(16).padStart(12, '0')}`;

/** The API server's record of who has set which field: about as large as the fields of the object. */
function managedFields(manager: string, time: string, fields: object, subresource?: string): object {
  const fieldsV1 = fieldsOf(fields);
  const written = { manager, operation: 'Update', apiVersion: API_VERSION, time, fieldsType: 'FieldsV1', fieldsV1 };
  return subresource === undefined ? written : { ...written, subresource };
}

function fieldsOf(value: unknown): object {
  if (typeof value !== 'object' || value === null) return {};
  if (!Array.isArray(value))
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [`f:${key}`, fieldsOf(field)]));
  return Object.fromEntries(
    value.flatMap((item: Readonly<Record<string, unknown>>) => {
      const key = ['name', 'type', 'uid'].find((field) => typeof item[field] === 'string');
      if (key === undefined) return [];
      return [[`k:${JSON.stringify({ [key]: item[key] })}`, { '.': {}, ...fieldsOf(item) }] as const];
    }),
  );
}

/** A sequence that was just created, with the defaults that the webhook adds. */
export function newSequence({ index, namespace }: Identity, isSuspended: boolean, now: Date): Stored {
  const created = JSON.parse(sequenceBody(nameOf(index), STEPS)) as Stored;
  const spec = { ...created.spec, suspend: isSuspended };
  const time = toTimestamp(now.getTime());
  return {
    ...created,
    metadata: {
      ...created.metadata,
      namespace,
      uid: uidOf(index, 0),
      generation: 1,
      creationTimestamp: time,
      managedFields: [managedFields('kubectl-create', time, { spec })],
    },
    spec,
  };
}

/** With the record of the status's writer; the status is one field. */
export function withStatusRecord(sequence: Stored, now: Date): Stored {
  const [created] = sequence.metadata['managedFields'] as readonly object[];
  const record = managedFields(MANAGER, toTimestamp(now.getTime()), { status: {} }, 'status');
  return { ...sequence, metadata: { ...sequence.metadata, managedFields: [created, record] } };
}

/** The Job that the server stores for a manifest. */
export function newJob({ metadata, spec, ...type }: JobManifest, uid: string, now: Date): Stored {
  const { template } = spec;
  const own = { 'batch.kubernetes.io/controller-uid': uid, 'batch.kubernetes.io/job-name': metadata.name };
  const labels = { ...template.metadata?.labels, ...own, 'controller-uid': uid, 'job-name': metadata.name };
  const containers = (template.spec?.['containers'] ?? []) as readonly object[];
  const pod = {
    ...template.spec,
    containers: containers.map((container) => Object.assign({}, container, CONTAINER_DEFAULTS)),
    ...POD_DEFAULTS,
  };
  const time = toTimestamp(now.getTime());
  return {
    ...type,
    metadata: {
      ...metadata,
      uid,
      resourceVersion: '',
      generation: 1,
      creationTimestamp: time,
      managedFields: [
        managedFields(MANAGER, time, {
          metadata: { labels: metadata.labels, ownerReferences: metadata.ownerReferences },
          spec,
        }),
      ],
    },
    spec: {
      ...spec,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      completionMode: 'NonIndexed',
      manualSelector: false,
      suspend: false,
      template: { metadata: { ...template.metadata, labels }, spec: pod },
    },
    status: {},
  };
}

const CONTAINER_DEFAULTS = { terminationMessagePath: '/dev/termination-log', imagePullPolicy: 'IfNotPresent' } as const;
const POD_DEFAULTS = {
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  securityContext: {},
  schedulerName: 'default-scheduler',
} as const;

const PODS = { terminating: 0, uncountedTerminatedPods: {} } as const;

/** What the Job controller writes about a Job whose Pod runs, has succeeded, or is gone because of the suspension. */
export function withJobStatus(job: Stored, phase: 'running' | 'succeeded' | 'suspended', now: Date): Stored {
  const time = toTimestamp(now.getTime());
  const condition = (type: string, reason: string, message: string): object => {
    return { type, status: 'True', lastProbeTime: time, lastTransitionTime: time, reason, message };
  };
  const completed = ['CompletionsReached', 'Reached expected number of succeeded pods'] as const;
  const statuses = {
    running: { active: 1, ready: 1, startTime: time, ...PODS },
    succeeded: {
      conditions: [condition('SuccessCriteriaMet', ...completed), condition('Complete', ...completed)],
      startTime: job.status?.['startTime'] ?? time,
      completionTime: time,
      succeeded: 1,
      ready: 0,
      ...PODS,
    },
    suspended: { conditions: [condition('Suspended', 'JobSuspended', 'Job suspended')], ready: 0, ...PODS },
  } as const;
  const status = statuses[phase];
  const [created] = job.metadata['managedFields'] as readonly object[];
  const record = managedFields('kube-controller-manager', time, { status }, 'status');
  return { ...job, metadata: { ...job.metadata, managedFields: [created, record] }, status };
}

type Varying = 'name' | 'namespace' | 'uid' | 'version' | 'time';

/** Makes further objects of one recorded object: with other names, UIDs, times and versions, none of which are equal. */
export class Template {
  /** The JSON between the parts that differ, what these parts are, and times in Unix milliseconds. */
  readonly #parts: (string | number | { readonly varying: Varying })[] = [];

  constructor(object: Stored) {
    const index = indexOf(object.metadata.name);
    const json = JSON.stringify(object);
    const parts = [
      `(?<name>${nameOf(index)})`,
      `(?<namespace>"namespace":"${object.metadata.namespace}")`,
      `(?<uid>${uidStart(index)})`,
      '(?<version>"resourceVersion":"\\d*")',
      '(?<time>\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ)',
    ];
    let from = 0;
    for (const { 0: text, index: at, groups = {} } of json.matchAll(new RegExp(parts.join('|'), 'g'))) {
      this.#parts.push(json.slice(from, at));
      const varying = Object.keys(groups).find((name) => groups[name] !== undefined) as Varying;
      this.#parts.push(varying === 'time' ? Date.parse(text) : { varying });
      from = at + text.length;
    }
    this.#parts.push(json.slice(from));
  }

  /** JSON of the object of another sequence; its times are `shiftMs` later. */
  fill({ index, namespace }: Identity, version: number, shiftMs: number): string {
    const values = {
      name: nameOf(index),
      namespace: `"namespace":"${namespace}"`,
      uid: uidStart(index),
      version: `"resourceVersion":"${version}"`,
      time: '',
    } as const;
    let text = '';
    for (const part of this.#parts) {
      if (typeof part === 'string') text += part;
      else text += typeof part === 'number' ? toTimestamp(part + shiftMs) : values[part.varying];
    }
    return text;
  }
}
