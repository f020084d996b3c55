/** Pods as the API shows them and as the controller keeps them: a test says only what it is about. */
import { LABELS } from '../../shared/api/group.ts';
import type { ObjectMeta } from '../../shared/api/types.ts';
import type { EventLookupResult } from '../../controller/decide/index.ts';
import type { ObservedEvent, ObservedPod, PodTermination } from '../../shared/api/pod.ts';
import { at, jobUid, NAMESPACE, UID } from './objects.ts';

export const POD_NAME = 'etl-1-transform-x7k2p';
export const JOB_UID = jobUid(1);

type Json = Readonly<Record<string, unknown>>;

/** The metadata of a Pod of step `transform`'s Job, as the API shows it. */
export function podMetadata(more: Json = {}): Json {
  return {
    name: POD_NAME,
    namespace: NAMESPACE,
    uid: '9d3e6c70-0000-4000-8000-000000000001',
    resourceVersion: '301',
    creationTimestamp: at(0),
    labels: {
      [LABELS.name]: 'etl',
      [LABELS.uid]: UID,
      [LABELS.stepName]: 'transform',
      'job-name': 'etl-1-transform',
    },
    ownerReferences: [jobOwner('etl-1-transform', JOB_UID)],
    ...more,
  };
}

export interface RawPodOptions {
  readonly metadata?: Json;
  readonly spec?: Json;
  readonly status?: Json | null;
}

/** A Pod of step `transform`'s Job, as the API shows it. */
export function rawPod({ metadata, spec, status }: RawPodOptions = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: podMetadata(metadata),
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'transform', image: 'registry.example.com/etl:1.0' }],
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** What makes a Pod that of this Job. */
export function jobOwner(name: string, uid: string): Json {
  return { apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true };
}

/** The Pod of this Job has failed: the container of its step ended so. */
export function failedPodOf({ name, uid, labels }: ObjectMeta, end: Json): Json {
  const step = labels?.[LABELS.stepName];
  return rawPod({
    metadata: { name: `${name}-x7k2p`, uid: `pod-of-${uid}`, labels, ownerReferences: [jobOwner(name, uid)] },
    spec: { containers: [{ name: step }] },
    status: { phase: 'Failed', containerStatuses: [containerStatus(end, {}, step)] },
  });
}

/** The status of one container; the name last, as it is `transform` most times. */
export function containerStatus(state: Json, lastState: Json = {}, name = 'transform'): Json {
  return { name, image: 'registry.example.com/etl:1.0', ready: false, restartCount: 0, state, lastState };
}

export function waiting(reason: string, message?: string): Json {
  return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
}

export function terminated(exitCode: number, more: Json = {}): Json {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return {
    terminated: { exitCode, reason, startedAt: at(1), finishedAt: at(20), containerID: 'containerd://1', ...more },
  };
}

export interface PodOptions extends Partial<Omit<ObservedPod, 'metadata'>> {
  readonly metadata?: Partial<ObservedPod['metadata']>;
}

/** A Pod of the Job of step 1, as it is kept, of which there is nothing to tell. */
export function observedPod({ metadata, ...more }: PodOptions = {}): ObservedPod {
  const name = metadata?.name ?? POD_NAME;
  return {
    metadata: {
      name,
      namespace: NAMESPACE,
      uid: `uid-${name}`,
      resourceVersion: '301',
      creationTimestamp: at(0),
      ...metadata,
    },
    sequentialJob: 'etl',
    jobUID: JOB_UID,
    failed: false,
    ...more,
  };
}

/** How the container `transform` failed. */
export function podTermination(more: Partial<PodTermination> = {}): PodTermination {
  return { container: 'transform', exitCode: 1, reason: 'Error', message: '', at: at(20), ...more };
}

/** The Job controller's complaint about the Job of step 1. */
export function jobWarning(more: Partial<ObservedEvent> = {}): ObservedEvent {
  return {
    reason: 'FailedCreate',
    message:
      'Error creating: pods "etl-1-transform-" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2',
    lastSeen: at(5),
    ...more,
  };
}

/** These Events about the Job of step 1, asked for at 10:00:05. */
export function eventLook(events: readonly ObservedEvent[], more: Partial<EventLookupResult> = {}): EventLookupResult {
  return { uid: JOB_UID, requestedMs: Date.parse(at(5)), events, ...more };
}
