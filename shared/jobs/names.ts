/**
 * Names of a sequence's Jobs: a pure function of the sequence, so that a repeated create request conflicts with the
 * Job of the first one.
 */
import { NAME_MAX_LENGTH } from '../api/group.ts';
import { sha256 } from '../sha256.ts';

export interface StepRef {
  readonly name: string;
  readonly index: number;
  readonly container: string;
  /** The number of resumes so far; 0 before the first. */
  readonly resumes: number;
  /** The index is one in `finally`. */
  readonly isFinally?: boolean;
}

const HASH_LENGTH = 8;

/** An index as it appears in a name. */
const INDEX = /^(?:0|[1-9]\d{0,2})$/;

/**
 * The number of positions in the name at which the index could stand: after the end of a sequence's name and before
 * the start of a container's name.
 */
function countIndexPositions(fullName: string): number {
  const parts = fullName.split('-');
  const isPosition = (part: string, at: number): boolean =>
    INDEX.test(part) && /[a-z0-9]$/.test(parts[at - 1] ?? '') && /^[a-z0-9]/.test(parts[at + 1] ?? '');
  return parts.filter(isPosition).length;
}

const FINALLY = '-finally';

/**
 * `<name>-<index>-<container>`, for a step of `finally` `<name>-finally-<index>-<container>`, with `-r<n>` after a resume; at most 63 characters, because the Job's name becomes
 * the label value `job-name` of its Pods. A longer name is cut and ends in a hash. So does a name that another
 * sequence of the namespace could have: step 1 `2-load` of `etl` and step 2 `load` of `etl-1` would both be
 * `etl-1-2-load`. And so do the steps of a sequence named `etl-finally`, beside those in `finally` of `etl`.
 *
 * The hash is of the whole name and not of the sequence's UID, because `render`, `lint` and a dry run need the name
 * before there is a UID, and the UID is not secret anyway. A client with permission to create Jobs can take a name;
 * the controller detects this by the owner's UID (`JobNameConflict`), and a resume starts the step under another
 * name. To make two sequences of a namespace share a hash takes about 2^41 tries.
 */
export function jobName(step: StepRef): string {
  const { name, index, container, resumes, isFinally = false } = step;
  const suffix = resumes > 0 ? `-r${resumes}` : '';
  const whole = `${name}${isFinally ? FINALLY : ''}-${index}-${container}${suffix}`;
  const isAmbiguous = countIndexPositions(whole) > 1 || (!isFinally && name.endsWith(FINALLY));
  if (whole.length <= NAME_MAX_LENGTH && !isAmbiguous) return whole;
  const identity = isAmbiguous ? `${name}/${isFinally ? 'finally/' : ''}${index}/${container}${suffix}` : whole;
  const head = whole.slice(0, NAME_MAX_LENGTH - HASH_LENGTH - 1).replace(/(?<![-.])[-.]+$/, '');
  return `${head}-${sha256(identity).padStart(HASH_LENGTH, '0').slice(-HASH_LENGTH)}`;
}
