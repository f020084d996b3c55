/**
 * What kstatus says of a custom resource (sigs.k8s.io/cli-utils pkg/kstatus/status: status.go Compute, generic.go
 * checkGenericProperties and checkReadyCondition): what Helm 4, Flux and others wait by.
 */
import type { SequentialJob } from '../../shared/api/types.ts';

export type Kstatus = 'InProgress' | 'Failed' | 'Current' | 'Terminating';

export function kstatusOf({ metadata, status }: Pick<SequentialJob, 'metadata' | 'status'>): Kstatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const { observedGeneration, conditions = [] } = status ?? {};
  if (observedGeneration !== undefined && observedGeneration !== metadata.generation) return 'InProgress';
  for (const { type, status: value } of conditions) {
    if (type === 'Reconciling' && value === 'True') return 'InProgress';
    if (type === 'Stalled' && value === 'True') return 'Failed';
  }
  const ready = conditions.find(({ type }) => (type as string) === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
