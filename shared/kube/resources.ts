/** API paths of the resources that the operator uses. */
import { API_VERSION, CRON, PLURAL, V1ALPHA1_API_VERSION } from '../api/group.ts';

export interface Resource {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  readonly root: string;
  readonly plural: string;
}

export const SEQUENTIAL_JOBS: Resource = { root: `/apis/${API_VERSION}`, plural: PLURAL };
export const CRON_SEQUENTIAL_JOBS: Resource = { root: `/apis/${API_VERSION}`, plural: CRON.plural };
export const V1ALPHA1_SEQUENTIAL_JOBS: Resource = { root: `/apis/${V1ALPHA1_API_VERSION}`, plural: PLURAL };
export const JOBS: Resource = { root: '/apis/batch/v1', plural: 'jobs' };
export const CONTROLLER_REVISIONS: Resource = { root: '/apis/apps/v1', plural: 'controllerrevisions' };
export const PODS: Resource = { root: '/api/v1', plural: 'pods' };
export const LEASES: Resource = { root: '/apis/coordination.k8s.io/v1', plural: 'leases' };
export const EVENTS: Resource = { root: '/api/v1', plural: 'events' };
export const SECRETS: Resource = { root: '/api/v1', plural: 'secrets' };
export const CONFIG_MAPS: Resource = { root: '/api/v1', plural: 'configmaps' };
export const PERSISTENT_VOLUME_CLAIMS: Resource = { root: '/api/v1', plural: 'persistentvolumeclaims' };

/** The path of the collection in one namespace, or in all if undefined. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const middle = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${resource.root}${middle}/${resource.plural}`;
}

export function objectPath(resource: Resource, namespace: string, name: string, subresource?: string): string {
  const tail = subresource === undefined ? '' : `/${subresource}`;
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}${tail}`;
}
