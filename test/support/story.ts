/** What a SequentialJob's status and Events told, in their order and as a reader would tell it: what is new, and nothing else. */
import type { Condition, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';

type Told = Readonly<Record<string, unknown>>;

/** What one write of the status told that the one before did not, and the Events that followed. */
export interface Chapter {
  /** Since the beginning. */
  readonly at: string;
  readonly phase?: string;
  readonly step?: string;
  readonly summary?: string;
  readonly failure?: string;
  /** By type. */
  readonly conditions?: Told;
  /** By name. */
  readonly steps?: Told;
  readonly events?: readonly string[];
}

/** What all sequences say as long as nothing has come of them: a story leaves it out. */
const BASE: Told = {
  conditions: {
    Available: 'False, NotCompleted: The sequence has not completed',
    Failed: 'False, NotFailed: No step has failed',
    Complete: 'False, NotCompleted: The sequence has not completed',
    Suspended: 'False, NotSuspended: The sequence is not suspended',
    ResourcesUnavailable: 'False, ResourcesAvailable: Nothing is known to block the current step',
  },
};

export class Story {
  readonly chapters: Chapter[] = [];
  readonly #startMs: number;
  #before: Told = BASE;

  /** @param startMs when it begins, in Unix milliseconds */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  status(status: SequentialJobStatus, nowMs: number): void {
    const now = factsOf(status);
    const news = difference(this.#before, now);
    this.#before = now;
    if (Object.keys(news).length > 0) this.chapters.push({ at: this.#at(nowMs), ...news });
  }

  event(event: string, nowMs: number): void {
    const last = this.chapters.at(-1);
    if (last === undefined) this.chapters.push({ at: this.#at(nowMs), events: [event] });
    else this.chapters[this.chapters.length - 1] = { ...last, events: [...(last.events ?? []), event] };
  }

  #at(nowMs: number): string {
    return `${(nowMs - this.#startMs) / 1000} s`;
  }
}

function factsOf({ phase, conditions = [], progress, steps = [] }: SequentialJobStatus): Told {
  const { failureReason, failureMessage } = progress ?? {};
  return {
    phase,
    step: progress?.currentStep,
    summary: progress?.summary,
    failure: failureReason === undefined ? undefined : `${failureReason}: ${failureMessage}`,
    conditions: Object.fromEntries(conditions.map((condition) => [condition.type, inWords(condition)])),
    steps: Object.fromEntries(steps.map((step) => [step.name, outcomeOf(step)])),
  };
}

const inWords = ({ status, reason, message }: Condition): string => `${status}, ${reason}: ${message}`;

/** Without times, names and UIDs: those are the recording's. */
const outcomeOf = ({ state, attempts, exitCode, reason, message }: StepStatus): Told => ({
  state,
  ...(attempts === undefined ? {} : { attempts }),
  ...(exitCode === undefined ? {} : { exitCode }),
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message }),
});

/** The fields of `now` that are not as before, and those that are gone; of conditions and steps those that changed. */
function difference(before: Told, now: Told): Told {
  const fields = new Set([...Object.keys(now), ...Object.keys(before)]);
  const changed = [...fields].flatMap((field) => {
    const [old, value] = [before[field], now[field]];
    if (JSON.stringify(old) === JSON.stringify(value)) return [];
    if (field === 'conditions' || field === 'steps') {
      return [[field, difference((old ?? {}) as Told, (value ?? {}) as Told)] as const];
    }
    return [[field, value ?? 'none'] as const];
  });
  return Object.fromEntries(changed);
}
