/** The names that the resource, its children and its clients share. Changing one is a breaking change. */

export const GROUP = 'batch.example.com';
/** The version that is stored, which the operator works on. */
export const VERSION = 'v1beta1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;
/** The older version, which is served for good and converted. */
export const V1ALPHA1 = 'v1alpha1';
export const V1ALPHA1_API_VERSION = `${GROUP}/${V1ALPHA1}` as const;
export const KIND = 'SequentialJob';
export const LIST_KIND = 'SequentialJobList';
export const PLURAL = 'sequentialjobs';
export const SINGULAR = 'sequentialjob';
export const SHORT_NAMES = ['sj', 'seqjob'] as const;
export const CATEGORIES = ['all', 'batch'] as const;

/** The names of the resource that runs a sequence on a schedule. It has one version only, VERSION. */
export const CRON = {
  kind: 'CronSequentialJob',
  listKind: 'CronSequentialJobList',
  plural: 'cronsequentialjobs',
  singular: 'cronsequentialjob',
  shortNames: ['csj'],
  /** A run's name is the schedule's with `-` and the minutes since the epoch, as a CronJob's Jobs: as long as theirs (pkg/apis/batch/validation). */
  nameMaxLength: 52,
} as const;

/** On a run: the time that it was scheduled for, as RFC 3339 in UTC. */
export const SCHEDULED_TIME_ANNOTATION = `${GROUP}/scheduled-time` as const;

/** On every run, with the name of its schedule. */
export const SCHEDULE_LABEL = `${GROUP}/cronsequentialjob` as const;

/** The finalizer that keeps a SequentialJob in the API until its Jobs are deleted. */
export const FINALIZER = `${GROUP}/sequentialjob-cleanup` as const;

/** The field manager of every write, and the `source.component` of every event. */
export const MANAGER = 'sequentialjob-controller';

/** Labels on every Job and Pod of a sequence. Each value has at most 63 characters (the limit of label values). */
export const LABELS = {
  name: `${GROUP}/sequentialjob`,
  uid: `${GROUP}/sequentialjob-uid`,
  stepIndex: `${GROUP}/step-index`,
  /** In place of `stepIndex` on the Jobs and Pods of `finally`: the index in `finally`. */
  finallyIndex: `${GROUP}/finally-index`,
  stepName: `${GROUP}/step-name`,
  /**
   * Only on Jobs created after a resume: the number of resumes. The failed Job of the same step is kept next to the
   * new one.
   */
  resume: `${GROUP}/resume`,
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

/** Maximum length of `metadata.name`: it becomes a label value (apimachinery `validation.LabelValueMaxLength`). */
export const NAME_MAX_LENGTH = 63;

/** Maximum number of steps; bounds the size of the status and the work of one reconcile. */
export const MAX_STEPS = 1000;

/** Maximum number of steps in `finally`. */
export const MAX_FINALLY = 20;

/** Maximum number of step policies in v1alpha1: one for each step. */
export const MAX_POLICIES = MAX_STEPS + MAX_FINALLY;

/**
 * On a Job that the operator suspended; the operator unsuspends only such Jobs. The value is `<count> <time>`,
 * because another client may unsuspend the Job repeatedly; earlier versions wrote `true`.
 */
export const SUSPENDED_ANNOTATION = `${GROUP}/suspended` as const;

/** On a Job that the operator ended: the `activeDeadlineSeconds` of the sequence that was exceeded. */
export const ENDED_ANNOTATION = `${GROUP}/ended-after-seconds` as const;

/** On the Pods of `finally`, to be read by the downward API: how the steps have ended. */
export const OUTCOME_ANNOTATIONS = {
  /** `Succeeded` or `Failed`. */
  outcome: `${GROUP}/outcome`,
  /** The name of the step whose failure ended the sequence. */
  failedStep: `${GROUP}/failed-step`,
  failureReason: `${GROUP}/failure-reason`,
  failureMessage: `${GROUP}/failure-message`,
} as const;

/** On a claim: the hash of the claim template that it was created from. */
export const CLAIM_TEMPLATE_ANNOTATION = `${GROUP}/claim-template` as const;

/** On a Job that the operator ended because no container of it started in time: `<reason>: <message>` of the failure. */
export const ENDED_BECAUSE_ANNOTATION = `${GROUP}/ended-because` as const;

export const DEFAULT_BACKOFF_LIMIT = 3;

/** The time limit of a step of `finally` that has none: no deadline of the sequence covers it. */
export const DEFAULT_FINALLY_DEADLINE_SECONDS = 3600;

/** On a step's Pod: the result of an earlier step that the step refers to; the step's name follows the prefix. */
export const RESULT_PREFIX = `results.${GROUP}/` as const;

/** In bytes of UTF-8: what the kubelet keeps of a termination message (pkg/kubelet/container MaxContainerTerminationMessageLength). */
export const MAX_RESULT_BYTES = 4096;

/**
 * Maximum number of steps whose results a spec refers to. The status keeps these results, and stays below 256 KiB with
 * a thousand steps even if JSON escapes every character of them.
 */
export const MAX_RESULTS = 16;
