/**
 * What the API server turned out not to know, or not to let the controller do: found out by its answers, as feature gates are
 * no matter of versions, and permissions come and go.
 */
import type { JobManifest } from '../shared/jobs/job.ts';
import type { Log } from '../shared/log.ts';

/** Fields that older servers leave out of a Job, and what follows. */
const YOUNG_FIELDS = [
  ['podFailurePolicy', 'every failure of a Pod counts against the backoffLimit'],
  ['podReplacementPolicy', 'a Pod that is drained or deleted may be replaced while it still runs'],
] as const satisfies readonly (readonly [keyof JobManifest['spec'], string])[];

export class ServerSkills {
  readonly #log: Pick<Log, 'warn'>;
  #suspendsJobs = true;
  #createsJobs = true;
  readonly #dropped = new Set<string>();

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log;
  }

  /** False once the server has dropped a Job's `suspend` (before 1.22); until the next start of the controller. */
  get suspendsJobs(): boolean {
    return this.#suspendsJobs;
  }

  noteUnsuspendable(): void {
    if (!this.#suspendsJobs) return;
    this.#suspendsJobs = false;
    this.#log.warn({}, 'the API server cannot suspend Jobs: on suspend, the running step ends and no new one starts');
  }

  /** The server refused a Job for want of a permission; `answer` are its words. Said once until a Job is created again. */
  noteDenied(answer: string): void {
    if (!this.#createsJobs) return;
    this.#createsJobs = false;
    this.#log.warn({ err: answer }, 'the controller may not create Jobs: steps that are to start wait until it may');
  }

  /** Compares a Job that was sent with the answer: what the server does not know is not in it. */
  noteCreated(sent: JobManifest, answer: unknown): void {
    this.#createsJobs = true;
    const { spec } = answer as { readonly spec?: Readonly<Record<string, unknown>> };
    for (const [field, consequence] of YOUNG_FIELDS) {
      if (sent.spec[field] === undefined || spec?.[field] !== undefined || this.#dropped.has(field)) continue;
      this.#dropped.add(field);
      this.#log.warn({ field }, `the API server does not know this field of a Job: ${consequence}`);
    }
  }
}
