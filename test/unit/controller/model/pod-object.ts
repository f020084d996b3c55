/** The Pods of a Job and the Job controller's Events, as they are stored. */
import { LABELS } from '../../../../shared/api/group.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { Stored } from '../../../support/fake-api.ts';
import { NAMESPACE } from '../../../support/objects.ts';
import type { RawJob } from './cluster.ts';
import { resultOf } from './results.ts';

export type PodState = 'pending' | 'running' | 'succeeded' | 'failed';

export const isLive = ({ state }: { readonly state: PodState }): boolean => state === 'pending' || state === 'running';

export function podPath(name: string): string {
  return `/api/v1/namespaces/${NAMESPACE}/pods/${name}`;
}

export const nameIn = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

export interface PodLook {
  readonly path: string;
  readonly state: PodState;
  /** Default: now. */
  readonly createdMs?: number;
  readonly deletionTimestamp?: string;
  /** Why it ended as a whole. */
  readonly reason?: string;
  /** Nobody controls it. */
  readonly isOrphan?: true;
  /** No node takes it. */
  readonly isUnplaced?: true;
}

const UNSCHEDULABLE = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node fits' };

/** A Pod of this Job in this state. */
export function podObject({ metadata }: RawJob, look: PodLook, nowMs: number): Stored {
  const { name, uid, labels } = metadata;
  const podName = nameIn(look.path);
  const at = toTimestamp(nowMs);
  const { deletionTimestamp, reason, isOrphan, createdMs = nowMs } = look;
  const owners = isOrphan === true ? [] : [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }];
  const podMetadata = {
    name: podName,
    namespace: NAMESPACE,
    uid: `uid-${podName}`,
    resourceVersion: '',
    labels: { ...labels, 'batch.kubernetes.io/controller-uid': uid },
    ownerReferences: owners,
    creationTimestamp: toTimestamp(createdMs),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: podMetadata,
    status: {
      ...podStatus(look.state, { name: labels?.[LABELS.stepName] ?? '', result: resultOf(uid) }, at),
      ...(look.isUnplaced === true && look.state === 'pending' ? { conditions: [UNSCHEDULABLE] } : {}),
      ...(reason === undefined ? {} : { reason }),
    },
  };
}

interface Contents {
  /** Of its container. */
  readonly name: string;
  readonly result: string;
}

function podStatus(state: PodState, { name, result }: Contents, at: string): Readonly<Record<string, unknown>> {
  const exitCode = state === 'failed' ? 1 : 0;
  const reason = state === 'failed' ? 'Error' : 'Completed';
  const ended = { terminated: { exitCode, reason, message: state === 'failed' ? 'boom' : result, finishedAt: at } };
  switch (state) {
    case 'pending':
      return { phase: 'Pending' };
    case 'running':
      return { phase: 'Running', containerStatuses: [{ name, state: { running: { startedAt: at } } }] };
    case 'succeeded':
      return { phase: 'Succeeded', containerStatuses: [{ name, state: ended }] };
    case 'failed':
      return { phase: 'Failed', containerStatuses: [{ name, state: ended }] };
  }
}

/** The Event about a Job whose Pod may not be created, and its path. */
export function quotaEvent({ metadata: { name, uid } }: RawJob, nowMs: number): readonly [string, Stored] {
  const event = `${name}.quota`;
  return [
    `/api/v1/namespaces/${NAMESPACE}/events/${event}`,
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: event, namespace: NAMESPACE, uid: `uid-${event}`, resourceVersion: '' },
      involvedObject: { kind: 'Job', name, uid },
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'exceeded quota',
      lastTimestamp: toTimestamp(nowMs),
    },
  ];
}
