/** Reads the SequentialJob that has the name of a run. */
import { isApiError } from '../../../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../../shared/kube/resources.ts';
import type { ScheduleSnapshot } from '../decide/types.ts';
import type { RunDeps } from './deps.ts';

/** The SequentialJob of this name from the API server; undefined if there is none. Rejects with ApiError. */
export async function getRun(name: string, { object }: ScheduleSnapshot, { client }: RunDeps): Promise<unknown> {
  try {
    return await client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, object.metadata.namespace, name) });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
