/**
 * What the API server does not support, does not permit or adds. Learned from its answers, because feature gates and
 * policies do not depend on the version, and permissions change.
 */
import type { JobManifest } from '../shared/jobs/job.ts';
import type { Log } from '../shared/log.ts';

/** Fields that older servers drop from a Job, and the consequence. */
const FIELDS_OF_NEWER_SERVERS = [
  ['podFailurePolicy', 'every failure of a Pod counts against the backoffLimit'],
  ['podReplacementPolicy', 'a Pod that is drained or deleted may be replaced while it still runs'],
] as const satisfies readonly (readonly [keyof JobManifest['spec'], string])[];

/** What waits for the permission to create objects of a kind. */
const WAITING = { Jobs: 'steps', PersistentVolumeClaims: 'steps', SequentialJobs: 'runs of schedules' } as const;
type DeniedKind = keyof typeof WAITING;

export class ServerCapabilities {
  readonly #log: Pick<Log, 'warn'>;
  #suspendsJobs = true;
  readonly #denied = new Set<DeniedKind>();
  readonly #dropped = new Set<string>();
  #hasWarnedOfTtl = false;

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log;
  }

  /** False once the server has dropped a Job's `suspend` (before 1.22), until the controller restarts. */
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

  /** The server rejected an object because the operator lacks a permission. Logged once until one is created again. */
  recordDenied(kind: DeniedKind, answer: string): void {
    if (this.#denied.has(kind)) return;
    this.#denied.add(kind);
    this.#log.warn({ err: answer }, `no permission to create ${kind}: ${WAITING[kind]} wait until the operator has it`);
  }

  /** A run of a schedule was created. */
  recordRunCreated(): void {
    this.#denied.delete('SequentialJobs');
  }

  /** The claims of a sequence were created. */
  recordClaimsCreated(): void {
    this.#denied.delete('PersistentVolumeClaims');
  }

  /**
   * Compares a Job that was sent with the answer: the server drops fields that it does not know, and policies may add
   * fields.
   */
  recordCreated(sent: JobManifest, answer: unknown): void {
    this.#denied.delete('Jobs');
    const { spec } = answer as { readonly spec?: Readonly<Record<string, unknown>> };
    this.#warnOfTtl(sent, spec?.['ttlSecondsAfterFinished']);
    for (const [field, consequence] of FIELDS_OF_NEWER_SERVERS) {
      if (sent.spec[field] === undefined || spec?.[field] !== undefined || this.#dropped.has(field)) continue;
      this.#dropped.add(field);
      this.#log.warn({ field }, `the API server does not know this field of a Job: ${consequence}`);
    }
  }
  /** The operator sets no time to live: the Jobs of a sequence stay until the sequence is deleted. */
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
