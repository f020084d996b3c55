/** The names that tie the resource, its children and its clients together. Changing one of them is a breaking change. */

export const GROUP = 'batch.example.com';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;
export const KIND = 'SequentialJob';
export const LIST_KIND = 'SequentialJobList';
export const PLURAL = 'sequentialjobs';
export const SINGULAR = 'sequentialjob';
export const SHORT_NAMES = ['sj', 'seqjob'] as const;
export const CATEGORIES = ['all', 'batch'] as const;

/** Holds a SequentialJob in the API until its Jobs are gone. */
export const FINALIZER = `${GROUP}/sequentialjob-cleanup` as const;

/** The field manager of every write, and the `source.component` of every event. */
export const MANAGER = 'sequentialjob-controller';

/** Labels on every Job and Pod of a sequence; values fit 63 characters by construction (a label value's limit). */
export const LABELS = {
  name: `${GROUP}/sequentialjob`,
  uid: `${GROUP}/sequentialjob-uid`,
  stepIndex: `${GROUP}/step-index`,
  stepName: `${GROUP}/step-name`,
  /** Only after a resume, and then its number: the failed Job of the same step stays beside the new one. */
  resume: `${GROUP}/resume`,
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

/** The longest `metadata.name`: it becomes a label value (apimachinery `validation.LabelValueMaxLength`). */
export const NAME_MAX_LENGTH = 63;

/** The most steps of a sequence; bounds the status and the work of one reconcile. */
export const MAX_STEPS = 1000;

/**
 * On a Job that the operator suspended: only such a Job does it let go on. `<how often> <when>`, as somebody else may let it
 * go on again and again; a version of before wrote `true`.
 */
export const SUSPENDED_ANNOTATION = `${GROUP}/suspended` as const;

/** On a Job that the operator ended: the time limit of the sequence, in seconds, that was over. */
export const ENDED_ANNOTATION = `${GROUP}/ended-after-seconds` as const;

export const DEFAULT_BACKOFF_LIMIT = 3;
