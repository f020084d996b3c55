/**
 * Validates updates of `spec.resume`. The controller resumes a failed sequence while `spec.resume` is above
 * `status.resumes`, the number of resumes so far, which never decreases. So a value that is lowered, or not above
 * `status.resumes`, has no effect. It is accepted with a warning: a manifest in Git with `resume: 0` can be applied
 * again after someone raised it by hand.
 */
import type { SequentialJobSpec, SequentialJobStatus } from '../api/types.ts';
import { forbidden, Path, type FieldError } from './field-error.ts';
import { asInteger, asObjects, type Untrusted } from '../json/untrusted.ts';

type Spec = Untrusted<SequentialJobSpec>;
type Status = Untrusted<SequentialJobStatus>;

const AT = Path.of('spec').child('resume');

interface Change {
  readonly from: number;
  readonly to: number;
  /** The number of resumes so far. */
  readonly resumes: number;
}

/**
 * Undefined if nothing changes, or if a value is not an integer, which the schema reports. Expects specs with
 * defaults.
 */
function changeOf(was: Spec, is: Spec, status: Status | undefined): Change | undefined {
  const [from, to] = [asInteger(was.resume), asInteger(is.resume)];
  if (from === undefined || to === undefined || from === to) return undefined;
  return { from, to, resumes: asInteger(status?.resumes) ?? 0 };
}

const hasNoEffect = ({ from, to, resumes }: Change): boolean => to < from || to <= resumes;

/** Refuses to request a resume of a sequence that has not failed. */
export function validateResume(was: Spec, is: Spec, status: Status | undefined): readonly FieldError[] {
  const change = changeOf(was, is, status);
  if (change === undefined || hasNoEffect(change)) return [];
  const isFailed = asObjects<{ type: unknown; status: unknown }>(status?.conditions).some(
    (condition) => condition.type === 'Failed' && condition.status === 'True',
  );
  return isFailed ? [] : [forbidden(AT, 'may only be raised when the sequence has failed')];
}

/** Warns about a change without effect, and names the value that would resume the sequence. */
export function resumeWarnings(was: Spec, is: Spec, status: Status | undefined): readonly string[] {
  const change = changeOf(was, is, status);
  if (change === undefined || !hasNoEffect(change)) return [];
  const { from, to, resumes } = change;
  const what =
    to < from
      ? `lowered from ${from} to ${to}, which is ignored: it undoes no resume and asks for none`
      : `${to} asks for no resume, because status.resumes is ${resumes} already`;
  return [
    `${AT.toString()}: ${what}; to resume the sequence when it has failed, set it to ${Math.max(to, resumes) + 1}`,
  ];
}
