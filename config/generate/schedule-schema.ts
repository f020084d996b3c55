/** The schema of CronSequentialJob, which has one version. */
import { CRON } from '../../shared/api/group.ts';
import { scheduleSchema } from '../../shared/api/schedule-schema.ts';
import {
  CONCURRENCY_POLICIES,
  type CronSequentialJobSpec,
  type CronSequentialJobStatus,
  SCHEDULE_CONDITION_TYPES,
  SCHEDULE_DEFAULTS,
} from '../../shared/api/schedule.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { COUNT, metadata } from './spec-fields.ts';
import { conditionList, controllerStatus, count, object, OBSERVED_GENERATION, text, time } from './status-schema.ts';
import { V1BETA1_SPEC_SCHEMA } from './v1beta1-spec.ts';

/** A schema for every field of the type. */
type FieldsOf<T> = Readonly<Record<keyof T, Schema>>;

/** Longer than an expression that names each minute, hour, day, month and weekday. */
const MAX_SCHEDULE = 1024;
const MAX_TIME_ZONE = 128;

const SPEC: FieldsOf<CronSequentialJobSpec> = {
  schedule: {
    type: 'string',
    minLength: 1,
    maxLength: MAX_SCHEDULE,
    description:
      'When runs start: a cron expression of five fields (minute, hour, day of the month, month, day of the week), @hourly and its like, or @every 90m; as in a batch/v1 CronJob.',
  },
  timeZone: {
    type: 'string',
    minLength: 1,
    maxLength: MAX_TIME_ZONE,
    description: 'The time zone of the schedule: a name of the IANA database, such as Europe/Berlin. UTC when absent.',
  },
  startingDeadlineSeconds: {
    type: 'integer',
    format: 'int64',
    minimum: 0,
    description:
      'How many seconds after its time a run may still start; later it is missed. No limit when absent: after a downtime the newest missed time is made up for.',
  },
  concurrencyPolicy: {
    type: 'string',
    enum: CONCURRENCY_POLICIES,
    default: SCHEDULE_DEFAULTS.concurrencyPolicy,
    description:
      'What happens when a time comes while a run has not ended: Allow starts another one beside it, Forbid lets that one end first, Replace deletes it with its Jobs and then starts the new one.',
  },
  suspend: {
    type: 'boolean',
    default: SCHEDULE_DEFAULTS.suspend,
    description:
      'Whether the schedule is suspended: no further run starts, and those that have started go on. Times that pass meanwhile are not made up for.',
  },
  successfulJobsHistoryLimit: {
    ...COUNT,
    default: SCHEDULE_DEFAULTS.successfulJobsHistoryLimit,
    description: 'How many completed runs are kept, the newest; older ones are deleted with their Jobs.',
  },
  failedJobsHistoryLimit: {
    ...COUNT,
    default: SCHEDULE_DEFAULTS.failedJobsHistoryLimit,
    description: 'How many failed runs are kept, the newest; older ones are deleted with their Jobs.',
  },
  sequentialJobTemplate: {
    type: 'object',
    required: ['spec'],
    properties: {
      metadata: metadata('Labels and annotations of each run.'),
      // scheduleSchema puts that of a SequentialJob here.
      spec: { type: 'object', description: 'The spec of each run: that of a SequentialJob.' },
    },
    description: 'What each run is: a SequentialJob with these labels, annotations and spec.',
  },
};

const STATUS: FieldsOf<CronSequentialJobStatus> = {
  observedGeneration: OBSERVED_GENERATION,
  conditions: conditionList(
    `${SCHEDULE_CONDITION_TYPES.join(', ')}; while it is True also Stalled`,
    'The state of the schedule, for programs.',
  ),
  active: {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: {
      type: 'object',
      required: ['name', 'scheduledTime'],
      properties: {
        name: text('The name of the SequentialJob.'),
        uid: text('Its UID; absent until it has been created.'),
        scheduledTime: time('The time of the schedule for which it was started.'),
      },
    },
    description: 'The runs that have not ended, oldest first. A run is recorded here before it is created.',
  },
  activeRuns: count('How many runs have not ended.'),
  lastScheduleTime: time('The newest time for which a run was started.'),
  pendingScheduleTime: time(
    'The newest time that has come, while its run waits: with Forbid for the end of another one, with Replace for its deletion.',
  ),
  lastSuccessfulTime: time('When the newest run that succeeded completed.'),
  nextScheduleTime: time('The next time of the schedule. Absent while it is suspended or invalid.'),
  observedSchedule: object('The schedule that the next times are computed from.', {
    schedule: text('spec.schedule as it was when the controller last saw it change.'),
    timeZone: text('The same for spec.timeZone.'),
    since: time('Since when it applies: times until then are done with, but for pendingScheduleTime.'),
  }),
};

/** Without the spec of a SequentialJob, which stands in its own generated schema. */
export const SCHEDULE_SCHEMA_PART: Schema = {
  type: 'object',
  description:
    'CronSequentialJob creates SequentialJobs, its runs, on a schedule. A run is named after the schedule and its time, so each time is started once.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object', properties: { name: { type: 'string', maxLength: CRON.nameMaxLength } } },
    spec: {
      type: 'object',
      required: ['schedule', 'sequentialJobTemplate'],
      properties: SPEC,
      description: 'When runs start, which are kept, and what they are.',
    },
    status: controllerStatus('The state of the schedule. Written by the controller.', STATUS),
  },
};

/** The schema of the CRD. */
export const SCHEDULE_RESOURCE_SCHEMA: Schema = scheduleSchema(SCHEDULE_SCHEMA_PART, V1BETA1_SPEC_SCHEMA);
