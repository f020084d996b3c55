/** The annotation that says why the operator ended a Job of which no container had started. Pure. */
import type { ObservedJob } from '../shared/api/job.ts';
import { truncate } from '../shared/truncate.ts';

type EndedBecause = NonNullable<ObservedJob['endedBecause']>;

/** The value of the annotation: `ImagePullBackOff: no container started …`, printable, with a message of at most 1 KiB. */
export const formatEndedBecause = ({ reason, message }: EndedBecause): string => `${reason}: ${truncate(message)}`;

/** A reason of a condition (metav1.Condition), and any message. */
const FORMAT = /^([A-Za-z]\w{0,127}): (.+)$/s;

/** The reason and the message; undefined if the annotation is absent or unreadable. Any client can write it. */
export function parseEndedBecause(annotation: string | undefined): EndedBecause | undefined {
  const [, reason, message] = annotation === undefined ? [] : (FORMAT.exec(annotation) ?? []);
  return reason === undefined || message === undefined ? undefined : { reason, message: truncate(message) };
}
