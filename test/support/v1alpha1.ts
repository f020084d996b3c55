/** SequentialJobs as a user of v1alpha1 writes and reads them. */
import { GROUP, KIND, PLURAL, V1ALPHA1, V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import type { Resource } from '../../shared/kube/resources.ts';
import type { Manifest } from './manifests.ts';

export const V1ALPHA1_SEQUENTIAL_JOBS: Resource = { root: `/apis/${V1ALPHA1_API_VERSION}`, plural: PLURAL };

/** As kubectl takes it. */
export const V1ALPHA1_RESOURCE = `${PLURAL}.${V1ALPHA1}.${GROUP}`;

/** The manifest in a file of v1alpha1. */
export const writtenInV1alpha1 = (name: string, spec: object): Manifest => ({
  apiVersion: V1ALPHA1_API_VERSION,
  kind: KIND,
  metadata: { name },
  spec,
});
