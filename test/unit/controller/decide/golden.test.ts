/** Snapshot → Decision, as files: test/golden/decide. test/golden/README.md says how they are read and written. */
import { describe, expect, it } from '@jest/globals';
import { type Action, decide, type Snapshot } from '../../../../controller/decide/index.ts';
import { outcome } from '../../../support/golden.ts';
import { DECISIONS, goldenDecisions, undated } from '../../../support/golden-decisions.ts';
import type { ObservedJob } from '../../../../shared/api/job.ts';

/** An action with the names of the Jobs that it is about, where they are those of the snapshot. */
function named(action: Action, { jobs }: Snapshot): unknown {
  const nameOf = (job: ObservedJob): unknown => (jobs.includes(job) ? job.metadata.name : job);
  if ('job' in action) return { ...action, job: nameOf(action.job) };
  return 'jobs' in action ? { ...action, jobs: action.jobs.map(nameOf) } : action;
}

describe('decide, by golden files', () => {
  it.each(goldenDecisions())('$name', ({ name, input: { now, snapshot } }) => {
    const decision = decide(snapshot, Date.parse(now));
    const actions = decision.actions.map((action) => named(action, snapshot));
    const nothing = { actions: [], status: undated(snapshot.object.status), events: [] };
    const found = outcome(nothing, { ...decision, actions, status: undated(decision.status) });
    expect(found).toStrictEqual(DECISIONS.recorded(name, found));
  });

  it('every file and every message belongs to a case', () => {
    expect(DECISIONS.stale()).toEqual([]);
  });
});
