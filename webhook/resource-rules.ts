/** What the two resources have of their own in a review. Pure. */
import { withDefaults } from '../shared/api/defaults.ts';
import { CRON } from '../shared/api/group.ts';
import { withScheduleDefaults } from '../shared/api/schedule-defaults.ts';
import type { CronSequentialJobSpec } from '../shared/api/schedule.ts';
import type { Schema } from '../shared/api/schema.ts';
import type { SequentialJobSpec } from '../shared/api/types.ts';
import { asObject } from '../shared/json/untrusted.ts';
import {
  type FieldError,
  updateWarnings,
  validateSequentialJob,
  validateUpdate,
  type ValidationOptions,
  warningsFor,
} from '../shared/validation/index.ts';
import { scheduleWarnings } from '../shared/validation/schedule-warnings.ts';
import { validateCronSequentialJob } from '../shared/validation/schedule.ts';
import { RESOURCE_SCHEMA, SCHEDULE_SCHEMA } from '../shared/validation/schema.ts';

/** The functions accept untrusted objects, in v1beta1. */
export interface ResourceRules {
  readonly validate: (object: unknown, options: ValidationOptions) => readonly FieldError[];
  readonly warnings: (object: unknown, bytes?: number) => readonly string[];
  /** The errors of a change of the spec. */
  readonly validateUpdate: (before: unknown, after: unknown) => readonly FieldError[];
  readonly updateWarnings: (before: unknown, after: unknown) => readonly string[];
  readonly specSchema: Schema | undefined;
  readonly withDefaults: (spec: object) => object;
}

const SEQUENTIAL_JOB: ResourceRules = {
  validate: validateSequentialJob,
  warnings: warningsFor,
  validateUpdate,
  updateWarnings,
  specSchema: RESOURCE_SCHEMA.properties?.['spec'],
  withDefaults: (spec) => withDefaults(spec as SequentialJobSpec),
};

/** A schedule may change as a whole at any time: a run keeps what it was created with. */
const CRON_SEQUENTIAL_JOB: ResourceRules = {
  validate: validateCronSequentialJob,
  warnings: scheduleWarnings,
  validateUpdate: () => [],
  updateWarnings: () => [],
  specSchema: SCHEDULE_SCHEMA.properties?.['spec'],
  withDefaults: (spec) => withScheduleDefaults(spec as CronSequentialJobSpec),
};

/** Whether an object of any kind says that it is a CronSequentialJob. */
export const isSchedule = (object: unknown): boolean => asObject<{ kind: unknown }>(object)?.kind === CRON.kind;

/** The rules for an object by its kind; those of a SequentialJob for one without. */
export const rulesFor = (object: unknown): ResourceRules => (isSchedule(object) ? CRON_SEQUENTIAL_JOB : SEQUENTIAL_JOB);
