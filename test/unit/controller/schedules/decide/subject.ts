/** A decision in a few words: a schedule of every ten minutes, seen at 10:05 on a Monday. */
import {
  decideSchedule,
  type Run,
  type RunFinding,
  type ScheduleDecision,
} from '../../../../../controller/schedules/decide/index.ts';
import { API_VERSION, CRON } from '../../../../../shared/api/group.ts';
import type { CronSequentialJobStatus, SchedulePolicy } from '../../../../../shared/api/schedule.ts';
import type { ObjectMeta } from '../../../../../shared/api/types.ts';
import { deepFreeze } from '../../../../support/freeze.ts';

export const NOW = '2026-11-02T10:05:00Z';
export const SINCE = '2026-11-02T09:55:00Z';
/** The time that is due. */
export const DUE = '2026-11-02T10:00:00Z';
export const NEXT = '2026-11-02T10:10:00Z';

export const nameAt = (time: string): string => `nightly-${Date.parse(time) / 60_000}`;

export interface Situation {
  readonly now?: string;
  readonly spec?: Partial<SchedulePolicy>;
  readonly status?: CronSequentialJobStatus | undefined;
  readonly metadata?: Partial<ObjectMeta>;
  readonly runs?: readonly Run[];
  readonly findings?: Readonly<Record<string, RunFinding>>;
  readonly isInOwnNamespace?: boolean;
}

/** What is recorded of the schedule before anything has happened. */
export const observed = (since: string = SINCE, schedule = '*/10 * * * *') => ({ schedule, since });

export const run = (name: string, more: Partial<Run> = {}): Run => ({
  name,
  uid: `uid of ${name}`,
  creationTimestamp: '2026-11-02T09:50:01Z',
  state: 'Active',
  isBeingDeleted: false,
  ...more,
});

export const active = (name: string, scheduledTime = '2026-11-02T09:50:00Z') => ({
  name,
  uid: `uid of ${name}`,
  scheduledTime,
});

export function decideAt({ now = NOW, spec, status, metadata, ...more }: Situation): ScheduleDecision {
  const snapshot = deepFreeze({
    object: {
      apiVersion: API_VERSION,
      kind: CRON.kind,
      metadata: {
        name: 'nightly',
        namespace: 'team-a',
        uid: 'schedule-uid',
        resourceVersion: '7',
        generation: 1,
        creationTimestamp: SINCE,
        ...metadata,
      },
      spec: { schedule: '*/10 * * * *', ...spec },
      ...(status === undefined ? {} : { status }),
    },
    runs: [],
    findings: {},
    ...more,
  });
  return decideSchedule(snapshot, Date.parse(now));
}

export const reasons = ({ events }: ScheduleDecision): readonly string[] => events.map(({ reason }) => reason);
export const actions = (decision: ScheduleDecision): readonly string[] =>
  decision.actions.map((action) => {
    switch (action.type) {
      case 'RecordStatus':
        return 'RecordStatus';
      case 'CreateRun':
      case 'ConfirmRun':
        return `${action.type} ${action.name}`;
      case 'DeleteRuns':
        return `DeleteRuns ${action.runs.map(({ name }) => name).join(' ')}: ${action.because}`;
    }
  });
export const available = ({ status }: ScheduleDecision): string | undefined => {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  return condition && `${condition.status} ${condition.reason}`;
};
