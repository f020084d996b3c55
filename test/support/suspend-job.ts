/** Another controller that suspends Jobs and lets them go on, as a queue does. */
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import type { ControllerSuite } from './with-controller.ts';

/** Sets `spec.suspend` of the Job, as the field manager `queue`. */
export async function setSuspend({ client, namespace }: ControllerSuite, job: string, suspend: boolean): Promise<void> {
  await client.request({
    method: 'PATCH',
    path: objectPath(JOBS, namespace.name, job),
    query: { fieldManager: 'queue' },
    contentType: PATCH_TYPE.merge,
    body: { spec: { suspend } },
  });
}
