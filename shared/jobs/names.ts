/** Names of a sequence's Jobs: a pure function of the sequence, so that a repeated create meets the Job it made before. */
import { hash } from '../api/hash.ts';
import { NAME_MAX_LENGTH } from '../api/group.ts';

export interface StepRef {
  readonly name: string;
  readonly index: number;
  readonly container: string;
  /** Resumes acted on so far; 0 before the first. */
  readonly resumes: number;
}

const HASH_LENGTH = 8;

/**
 * `<name>-<index>-<container>`, with `-r<n>` after a resume. Longer than 63 characters (the Job's name becomes the
 * label value `job-name` on its Pods), it is cut and ends in a hash of the whole, so that two long names stay two.
 */
export function jobName(step: StepRef): string {
  const suffix = step.resumes > 0 ? `-r${step.resumes}` : '';
  const whole = `${step.name}-${step.index}-${step.container}${suffix}`;
  if (whole.length <= NAME_MAX_LENGTH) return whole;
  const head = whole.slice(0, NAME_MAX_LENGTH - HASH_LENGTH - 1).replace(/(?<![-.])[-.]+$/, '');
  return `${head}-${hash(whole).slice(-HASH_LENGTH)}`;
}
