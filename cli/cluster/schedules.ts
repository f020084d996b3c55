/** Reads schedules and their runs, and creates runs. Errors are CommandErrors, in one line. */
import { CRON, SCHEDULE_LABEL } from '../../shared/api/group.ts';
import type { CronSequentialJob } from '../../shared/api/schedule.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, CRON_SEQUENTIAL_JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { CommandError, explain } from './command-error.ts';
import { type Connection, isPathSegment } from './connect.ts';
import { asked, FIELD_MANAGER, listLabelled } from './read.ts';

export async function getSchedule(connection: Connection, name: string): Promise<CronSequentialJob> {
  const { client, namespace } = connection;
  if (!isPathSegment(name)) throw new CommandError('failed', `"${name}" is no name of a CronSequentialJob`);
  try {
    return await client.request({ method: 'GET', path: objectPath(CRON_SEQUENTIAL_JOBS, namespace, name) });
  } catch (error) {
    // A path that is not served names no object.
    if (isApiError(error, 'NotFound') && error.message.includes(`"${name}"`)) {
      throw new CommandError('failed', `${CRON.singular} "${name}" not found in namespace "${namespace}"`);
    }
    throw explain(error, asked(connection, 'get', CRON_SEQUENTIAL_JOBS));
  }
}

/** The runs of the schedule, also those that users have started. */
export async function listRuns(connection: Connection, schedule: CronSequentialJob): Promise<readonly SequentialJob[]> {
  const { name, uid } = schedule.metadata;
  const labelled = await listLabelled(connection, `${SCHEDULE_LABEL}=${name}`);
  return labelled.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid) === true);
}

/** Creates the sequence, and returns it as it is stored. */
export async function createSequence(connection: Connection, body: object): Promise<SequentialJob> {
  try {
    return await connection.client.request({
      method: 'POST',
      path: collectionPath(SEQUENTIAL_JOBS, connection.namespace),
      query: { fieldManager: FIELD_MANAGER },
      body,
    });
  } catch (error) {
    throw explain(error, asked(connection, 'create'));
  }
}
