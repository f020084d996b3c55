/** What is promised of a sequence, whatever happens (docs/reliability.md). A broken promise is told with how it was broken. */
export const PROMISE = {
  oneContainer: 'no two containers of a sequence run at once',
  claims: 'the claims of a sequence are created once, before its first Job',
  oneJob: 'a step has one Job for each attempt',
  /** JobDeleted is the truth only where the end came and went unseen by this process. */
  seenEnd: 'a Job that the process saw end is never told as deleted',
  /**
   * The moment that nobody can prevent: from the arrival of a create that was given up until the process has heard of it, and
   * the grace period of its Pod. Nothing else is started meanwhile once the process has heard.
   */
  strayDeleted:
    'a Job that was created late, and is not the one of its step, is deleted once the process has heard of it',
  recordKept: 'a Job that is on record, or is to be recorded next, is never deleted as a stray',
  /** But for the next attempt, which is foreseen while the Job runs, and taken back at its end where nobody saw a Pod of it. */
  attempts: 'attempts never falls, and counts each Pod that the process saw',
  suspended: 'Suspended=True is said only when no container runs',
  refusals: 'a full quota of Jobs or claims, or a missing permission, fails no sequence',
  predecessor: 'a sequence does not fail because of the Jobs and claims of the one that had its name before',
  resumeWaits: 'a resume waits for the Pods of the failed attempt',
  results: 'a step gets exactly the results that the steps have handed on to which it refers',
  resumes: 'status.resumes never falls',
  finallyAfter: 'a step of finally runs only once all other steps have ended, and their end is on record',
  finallyFits: 'a step of finally runs only after the end that its `when` names',
  finallyComplete: 'a sequence that has started ends once each step of finally that fits has had its one run',
  finallyFailed:
    'FinallyFailed is the end of a sequence whose steps succeeded and whose finally failed, and of no other',
  finallyTold: 'a Pod of finally is told how the other steps have ended, and they end in no other way later',
  finallyHasTime: 'activeDeadlineSeconds of the sequence does not touch steps of finally',
  suspensions: 'a Job that somebody lets go on again and again is suspended twice at once, and then with a backoff',
  pendingNeverStarted: 'a step fails by its pending deadline only if no container of its newest Pod has started',
  pendingEnds: 'a step of which no container ever starts fails within a minute after its pending deadline',
} as const;

export type Promised = keyof typeof PROMISE;

export const broken = (promise: Promised, how: string): string => `${PROMISE[promise]}: ${how}`;
