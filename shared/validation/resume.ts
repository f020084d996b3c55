/**
 * `spec.resume` in an update. The controller resumes a failed sequence while `spec.resume` is above `status.resumes`, the number of
 * resumes that have been acted on, which never falls. So a number that is lower, or that has been acted on, does nothing. It
 * passes with a warning: a file in Git that says `resume: 0` can be applied again after somebody has raised it by hand.
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
  /** How many resumes have been acted on. */
  readonly resumes: number;
}

/** Undefined where nothing changes, and where either is no count, which is left to the schema. Defaults must be filled in. */
function changeOf(was: Spec, is: Spec, status: Status | undefined): Change | undefined {
  const [from, to] = [asInteger(was.resume), asInteger(is.resume)];
  if (from === undefined || to === undefined || from === to) return undefined;
  return { from, to, resumes: asInteger(status?.resumes) ?? 0 };
}

const doesNothing = ({ from, to, resumes }: Change): boolean => to < from || to <= resumes;

/** Refuses to ask for a resume of what has not failed. */
export function resumeFaults(was: Spec, is: Spec, status: Status | undefined): readonly FieldError[] {
  const change = changeOf(was, is, status);
  if (change === undefined || doesNothing(change)) return [];
  const isFailed = asObjects<{ type: unknown; status: unknown }>(status?.conditions).some(
    (condition) => condition.type === 'Failed' && condition.status === 'True',
  );
  return isFailed ? [] : [forbidden(AT, 'may only be raised when the sequence has failed')];
}

/** Says of a change that does nothing that it does, and which number would resume the sequence. */
export function resumeWarnings(was: Spec, is: Spec, status: Status | undefined): readonly string[] {
  const change = changeOf(was, is, status);
  if (change === undefined || !doesNothing(change)) return [];
  const { from, to, resumes } = change;
  const what =
    to < from
      ? `lowered from ${from} to ${to}, which is ignored: it undoes no resume and asks for none`
      : `${to} asks for no resume, because status.resumes is ${resumes} already`;
  return [
    `${AT.toString()}: ${what}; to resume the sequence when it has failed, set it to ${Math.max(to, resumes) + 1}`,
  ];
}
