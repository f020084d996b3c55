/** Warnings about valid CronSequentialJobs that are probably mistakes; kubectl prints them. */
import type { CronSequentialJob, CronSequentialJobSpec, SequentialJobTemplate } from '../api/schedule.ts';
import type { SequentialJobSpec } from '../api/types.ts';
import { asInteger, asObject, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { escapedLine } from '../printable-text.ts';
import { parseSchedule } from '../schedule/calendar.ts';
import { shorten } from './field-error.ts';
import { inTemplate } from './schedule.ts';
import { warningsFor } from './warnings.ts';

/** In seconds. A shorter deadline passes while a new leader is elected or an API server restarts. */
const SHORT_DEADLINE = 10;

/** The warnings for an object, those of its template last. Accepts untrusted values. `bytes`: as for `warningsFor`. */
export function scheduleWarnings(object: unknown, bytes?: number): readonly string[] {
  const spec = asObject<CronSequentialJobSpec>(asObject<CronSequentialJob>(object)?.spec);
  const template = asObject<SequentialJobTemplate>(spec?.sequentialJobTemplate);
  return [
    ...timeWarnings(spec),
    ...runWarnings(asObject<SequentialJobSpec>(template?.spec)),
    ...warningsFor({ spec: template?.spec }, bytes).map(inTemplate),
  ].map(escapedLine);
}

/** Whether no date matches, such as February 31. It counts from any instant, as the years repeat. */
function neverComes(schedule: string, timeZone: string | undefined): boolean {
  const parsed = parseSchedule(schedule, timeZone);
  return parsed.ok && parsed.calendar.next(0) === undefined;
}

function timeWarnings(spec: Untrusted<CronSequentialJobSpec> | undefined): readonly string[] {
  const [schedule, timeZone] = [nonEmptyString(spec?.schedule) ?? '', nonEmptyString(spec?.timeZone)];
  const seconds = asInteger(spec?.startingDeadlineSeconds);
  return [
    ...(neverComes(schedule, timeZone) ? [`spec.schedule: no date matches "${shorten(schedule)}": no run starts`] : []),
    ...(timeZone !== undefined && schedule.trimStart().startsWith('@every')
      ? ['spec.timeZone: has no effect on @every, which counts the time that passes']
      : []),
    ...(seconds !== undefined && seconds >= 0 && seconds < SHORT_DEADLINE
      ? [
          `spec.startingDeadlineSeconds: ${seconds} s are so short that a restart of the API server or of the operator makes it miss times`,
        ]
      : []),
  ];
}

function runWarnings(run: Untrusted<SequentialJobSpec> | undefined): readonly string[] {
  return [
    ...(run?.suspend === true
      ? [
          inTemplate(
            'spec.suspend: each run is created suspended and waits until somebody sets it to false; spec.suspend suspends the schedule',
          ),
        ]
      : []),
    ...((asInteger(run?.resume) ?? 0) > 0
      ? [inTemplate('spec.resume: has no effect: a new run has not failed yet')]
      : []),
  ];
}
