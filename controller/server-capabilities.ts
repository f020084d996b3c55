/**
 * What the API server turned out not to know, not to let the controller do, or to add: found out by its answers, as feature
 * gates and policies are no matter of versions, and permissions come and go.
 */
import type { JobManifest } from '../shared/jobs/job.ts';
import type { Log } from '../shared/log.ts';

/** Fields that older servers leave out of a Job, and what follows. */
const FIELDS_OF_NEWER_SERVERS = [
  ['podFailurePolicy', 'every failure of a Pod counts against the backoffLimit'],
  ['podReplacementPolicy', 'a Pod that is drained or deleted may be replaced while it still runs'],
] as const satisfies readonly (readonly [keyof JobManifest['spec'], string])[];

export class ServerCapabilities {
  readonly #log: Pick<Log, 'warn'>;
  #suspendsJobs = true;
  #createsJobs = true;
  readonly #dropped = new Set<string>();
  #hasWarnedOfTtl = false;

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log;
  }

  /** False once the server has dropped a Job's `suspend` (before 1.22); until the next start of the controller. */
  get suspendsJobs(): boolean {
    return this.#suspendsJobs;
  }

  disableJobSuspend(): void {
    if (!this.#suspendsJobs) return;
    this.#suspendsJobs = false;
    this.#log.warn(
      {},
      'the API server does not support suspended Jobs: on suspend, the running step finishes and no further step starts',
    );
  }

  /** The server refused a Job for want of a permission; `answer` are its words. Said once until a Job is created again. */
  recordDenied(answer: string): void {
    if (!this.#createsJobs) return;
    this.#createsJobs = false;
    this.#log.warn({ err: answer }, 'no permission to create Jobs: steps wait until the operator has it');
  }

  /** Compares a Job that was sent with the answer: what the server does not know is not in it, and policies may add to it. */
  recordCreated(sent: JobManifest, answer: unknown): void {
    this.#createsJobs = true;
    const { spec } = answer as { readonly spec?: Readonly<Record<string, unknown>> };
    this.#warnOfTtl(sent, spec?.['ttlSecondsAfterFinished']);
    for (const [field, consequence] of FIELDS_OF_NEWER_SERVERS) {
      if (sent.spec[field] === undefined || spec?.[field] !== undefined || this.#dropped.has(field)) continue;
      this.#dropped.add(field);
      this.#log.warn({ field }, `the API server does not know this field of a Job: ${consequence}`);
    }
  }
  /** The operator gives no Job a time to live: the Jobs of a sequence stay until the sequence is deleted. */
  #warnOfTtl({ metadata: { namespace, name } }: JobManifest, ttlSeconds: unknown): void {
    if (typeof ttlSeconds !== 'number' || this.#hasWarnedOfTtl) return;
    this.#hasWarnedOfTtl = true;
    this.#log.warn(
      { job: `${namespace}/${name}`, ttlSecondsAfterFinished: ttlSeconds },
      'something in the cluster, such as a mutating admission policy, has set ttlSecondsAfterFinished on a Job of a step:' +
        ' Kubernetes may delete the Job before the operator has seen its end. A running operator remembers the end that it has' +
        ' seen, a restarted one does not, and then records the step as failed with JobDeleted. Exempt these Jobs from the policy',
    );
  }
}
