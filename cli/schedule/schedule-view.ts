/** A CronSequentialJob as people see it, built from the object and its runs. Pure. */
import { SCHEDULED_TIME_ANNOTATION } from '../../shared/api/group.ts';
import type { CronSequentialJob, ScheduleCondition } from '../../shared/api/schedule.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { type ParsedSchedule, parseSchedule } from '../../shared/schedule/calendar.ts';
import { formatInZone } from '../../shared/schedule/time-zone.ts';
import { type SequenceView, toSequenceView } from '../status/sequence-view.ts';
import { millis } from '../status/step-pod.ts';

export interface RunView {
  readonly sequence: SequenceView;
  /** Its time in the zone of the schedule; undefined for a run that somebody started. */
  readonly scheduled?: string;
}

export interface ComingTime {
  /** Unix milliseconds. */
  readonly at: number;
  /** In the zone of the schedule. */
  readonly text: string;
}

export interface ScheduleView {
  readonly namespace: string;
  readonly name: string;
  /** `Deleting`, `Suspended`, `Unavailable` or `Scheduled`. */
  readonly state: ScheduleState;
  readonly schedule: string;
  readonly timeZone: string;
  /** Why the state is what it is, where that is not plain. */
  readonly headline?: string;
  /** The newest ones, newest first. */
  readonly runs: readonly RunView[];
  /** Of how many. */
  readonly runCount: number;
  readonly activeCount: number;
  /** The next times, if the schedule runs then. */
  readonly times: readonly ComingTime[];
  readonly now: number;
}

export type ScheduleState = 'Deleting' | 'Suspended' | 'Unavailable' | 'Scheduled';

const MAX_RUNS = 10;
const MAX_TIMES = 3;

export function toScheduleView(object: CronSequentialJob, runs: readonly SequentialJob[], now: number): ScheduleView {
  const { metadata, spec } = object;
  const parsed = parseSchedule(spec.schedule, spec.timeZone);
  const state = stateOf(object);
  const shown = runs.toSorted(newestFirst).slice(0, MAX_RUNS);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    state,
    schedule: spec.schedule,
    timeZone: spec.timeZone ?? 'UTC',
    runs: shown.map((run) => toRunView(run, parsed, now)),
    runCount: runs.length,
    activeCount: object.status?.active?.length ?? 0,
    times: comingTimes(object, parsed, now),
    now,
    ...omitUndefined({ headline: headlineOf(object, state) }),
  };
}

const conditionOf = (
  { status }: CronSequentialJob,
  type: ScheduleCondition['type'],
  value: ScheduleCondition['status'],
): ScheduleCondition | undefined => status?.conditions?.find((one) => one.type === type && one.status === value);

function stateOf(object: CronSequentialJob): ScheduleState {
  if (object.metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (object.spec.suspend === true) return 'Suspended';
  return conditionOf(object, 'Available', 'False') === undefined ? 'Scheduled' : 'Unavailable';
}

function headlineOf(object: CronSequentialJob, state: ScheduleState): string | undefined {
  const { status, metadata } = object;
  switch (state) {
    case 'Deleting':
      return 'The schedule is being deleted, with its runs';
    case 'Suspended':
      return 'No run is started until the schedule is no longer suspended';
    case 'Unavailable':
      return conditionOf(object, 'Available', 'False')?.message;
    case 'Scheduled': {
      const isObserved = (status?.observedGeneration ?? -1) >= (metadata.generation ?? 0);
      return isObserved ? undefined : 'The operator has not seen this schedule yet';
    }
  }
}

const createdAt = ({ metadata }: SequentialJob): number => millis(metadata.creationTimestamp) ?? 0;

const newestFirst = (a: SequentialJob, b: SequentialJob): number =>
  createdAt(b) - createdAt(a) || (a.metadata.name < b.metadata.name ? 1 : -1);

function toRunView(run: SequentialJob, parsed: ParsedSchedule, now: number): RunView {
  const time = millis(run.metadata.annotations?.[SCHEDULED_TIME_ANNOTATION]);
  const isControlled = run.metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
  const scheduled = time === undefined || !isControlled ? undefined : inZone(time, parsed);
  return { sequence: toSequenceView(run, undefined, now), ...omitUndefined({ scheduled }) };
}

/** Without the zone's name, which stands above. */
const inZone = (at: number, parsed: ParsedSchedule): string =>
  parsed.ok ? (formatInZone(at, parsed.timeZone).split(' ')[0] ?? '') : toTimestamp(at);

/** From the recorded next time on: those of `@every` count from the last run. */
function comingTimes({ status }: CronSequentialJob, parsed: ParsedSchedule, now: number): readonly ComingTime[] {
  if (!parsed.ok) return [];
  const recorded = millis(status?.nextScheduleTime);
  const times: ComingTime[] = [];
  let at = recorded !== undefined && recorded > now ? recorded : parsed.calendar.next(now);
  while (at !== undefined && times.length < MAX_TIMES) {
    times.push({ at, text: inZone(at, parsed) });
    at = parsed.calendar.next(at);
  }
  return times;
}
