/** Names of a sequence's Jobs: a pure function of the sequence, so that a repeated create meets the Job it made before. */
import { NAME_MAX_LENGTH } from '../api/group.ts';
import { sha256 } from '../sha256.ts';

export interface StepRef {
  readonly name: string;
  readonly index: number;
  readonly container: string;
  /** Resumes acted on so far; 0 before the first. */
  readonly resumes: number;
}

const HASH_LENGTH = 8;

/** An index as a name has it. */
const INDEX = /^(?:0|[1-9]\d{0,2})$/;

/** At how many places of such a name the index may stand: behind the end of a sequence's name, before the start of a container's. */
function indexPlaces(whole: string): number {
  const parts = whole.split('-');
  const isPlace = (part: string, at: number): boolean =>
    INDEX.test(part) && /[a-z0-9]$/.test(parts[at - 1] ?? '') && /^[a-z0-9]/.test(parts[at + 1] ?? '');
  return parts.filter(isPlace).length;
}

/**
 * `<name>-<index>-<container>`, with `-r<n>` after a resume: at most 63 characters, because the Job's name becomes the
 * label value `job-name` on its Pods. A longer one is cut and ends in a hash. So does one that another sequence of the
 * namespace could have as well, whatever its length: step 1 `2-load` of `etl` and step 2 `load` of `etl-1` would
 * both be `etl-1-2-load`.
 *
 * The hash is of the whole and not of the sequence's UID: `render`, `lint` and a dry run know a name before there is a UID, and the
 * UID, once there is one, is no secret. That somebody else takes a name, which any that can create Jobs may do, is told by the owner's
 * UID (`JobNameConflict`); a resume starts the step under another. That two sequences of a namespace come to share one by their hashes
 * takes a search of 2^41 tries on purpose.
 */
export function jobName(step: StepRef): string {
  const { name, index, container, resumes } = step;
  const suffix = resumes > 0 ? `-r${resumes}` : '';
  const whole = `${name}-${index}-${container}${suffix}`;
  const isAmbiguous = indexPlaces(whole) > 1;
  if (whole.length <= NAME_MAX_LENGTH && !isAmbiguous) return whole;
  const identity = isAmbiguous ? `${name}/${index}/${container}${suffix}` : whole;
  const head = whole.slice(0, NAME_MAX_LENGTH - HASH_LENGTH - 1).replace(/(?<![-.])[-.]+$/, '');
  return `${head}-${sha256(identity).padStart(HASH_LENGTH, '0').slice(-HASH_LENGTH)}`;
}
