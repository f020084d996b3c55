/** The schema of `status`: written by the controller only. */
import { MAX_FINALLY, MAX_STEPS } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { CONDITION_TYPES, PHASES, STEP_STATES, TRANSIENT_CONDITION_TYPES } from '../../shared/api/types.ts';
import { INT32 } from './core-schema.ts';

const COUNT: Schema = { ...INT32, minimum: 0 };

export const count = (description: string): Schema => ({ ...COUNT, description });
export const text = (description: string): Schema => ({ type: 'string', description });
export const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description });
export const object = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  properties,
  description,
});

/** Like metav1.Condition (apimachinery pkg/apis/meta/v1/types.go), but `message` may be longer, to quote a Pod's status. */
const conditionFields = (types: string): Readonly<Record<string, Schema>> => ({
  type: text(`The kind of condition: ${types}.`),
  status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether the condition holds.' },
  observedGeneration: {
    type: 'integer',
    format: 'int64',
    minimum: 0,
    description: 'The metadata.generation that the condition refers to.',
  },
  lastTransitionTime: {
    type: 'string',
    format: 'date-time',
    description: 'When the status of the condition last changed.',
  },
  reason: text('The reason of the last change, in one CamelCase word, for programs.'),
  message: text('The same as a sentence for users.'),
});

/** The conditions of a status, whose types are named in `types`. */
export const conditionList = (types: string, description: string): Schema => ({
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
    properties: conditionFields(types),
  },
  description,
});

const STEP: Readonly<Record<string, Schema>> = {
  index: count('The position of the step in its list of the spec, counted from 0.'),
  name: text('The name of its container.'),
  jobName: text('The name of its Job.'),
  jobUID: text('The UID of its Job: a Job of the same name with another UID is not this step.'),
  state: { type: 'string', enum: STEP_STATES, description: 'The state of the step.' },
  startTime: time('When the step was started.'),
  completionTime: time('When the step ended, whether it succeeded or failed.'),
  attempts: count('How many Pods were started for it, counting one that is due.'),
  exitCode: { ...INT32, description: 'The exit code of its container, of the last Pod that ended.' },
  reason: text('The reason of its state, in one CamelCase word, from the Job or from the container.'),
  message: text('The termination message of its container, cut to 1 KiB.'),
  result: text(
    'What its container handed on: its whole termination message, at most 4096 bytes. Present if the step succeeded and a later one refers to it.',
  ),
};

/** observedGeneration of an object that the controller has not reconciled yet, so that kstatus reports it as in progress. */
export const UNOBSERVED = -1;

export const OBSERVED_GENERATION: Schema = {
  type: 'integer',
  format: 'int64',
  minimum: UNOBSERVED,
  description: 'The metadata.generation that this status refers to; -1 until the controller has observed the object.',
};

const FIELDS: Readonly<Record<string, Schema>> = {
  observedGeneration: OBSERVED_GENERATION,
  phase: {
    type: 'string',
    enum: ['', ...PHASES],
    description: 'The state of the sequence in one word, for users. Programs should read the conditions.',
  },
  conditions: conditionList(
    `${CONDITION_TYPES.join(', ')}; while they are True also ${TRANSIENT_CONDITION_TYPES.join(' and ')}`,
    'The state of the sequence, for programs: kubectl wait --for=condition=Complete works as on a Job.',
  ),
  state: object('How many steps are in which state.', {
    active: count('Steps whose Job is running.'),
    succeeded: count('Steps that completed.'),
    failed: count('Steps that failed.'),
  }),
  progress: object('How far the sequence has come.', {
    currentIndex: count('The position of the current step in spec.steps, counted from 0.'),
    currentStep: text('The name of the current step.'),
    completedIndices: {
      type: 'array',
      items: COUNT,
      description: 'The positions of the steps that completed.',
    },
    failedIndex: count('The position of the step that ended the sequence by failing.'),
    failureReason: text('Why it failed: the reason of its Job, such as BackoffLimitExceeded.'),
    failureMessage: text('Why it failed, for people.'),
    summary: text('Completed steps of all steps, such as 2/3.'),
  }),
  steps: {
    type: 'array',
    maxItems: MAX_STEPS,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['index'],
    items: { type: 'object', required: ['index', 'name', 'state'], properties: STEP },
    description: 'The steps that were started, in order; after a failure also those that were not, as Skipped.',
  },
  finally: {
    type: 'array',
    maxItems: MAX_FINALLY,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['index'],
    items: { type: 'object', required: ['index', 'name', 'state'], properties: STEP },
    description:
      'The steps of spec.finally that were started, in order, and as Skipped those that do not apply to this end. Present once the other steps have ended.',
  },
  startTime: time('When the sequence was started.'),
  activeStartTime: time(
    'From when spec.activeDeadlineSeconds counts, where that is not startTime: the last resume, moved on by the time spent suspended.',
  ),
  completionTime: time('When the sequence ended, whether it completed or failed, the steps of finally included.'),
  resumes: count('The value of spec.resume that was last acted on.'),
};

/**
 * A status that one controller writes. For server-side apply it is a single value (`atomic`): otherwise the API server
 * would track each field of each step in `metadata.managedFields`, which costs it about as much CPU at every write as all the rest.
 */
export const controllerStatus = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  ...object(description, properties),
  'x-kubernetes-map-type': 'atomic',
  default: { observedGeneration: UNOBSERVED },
});

/** The schema of `status`. */
export const STATUS_SCHEMA: Schema = controllerStatus('The state of the sequence. Written by the controller.', FIELDS);
