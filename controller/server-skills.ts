/** What the API server turned out not to know: found out by its answers, as feature gates are no matter of versions. */
import type { JobManifest } from '../shared/jobs/job.ts';
import type { Log } from '../shared/log.ts';

export class ServerSkills {
  readonly #log: Pick<Log, 'warn'>;
  #suspendsJobs = true;
  #knowsPodFailurePolicy = true;

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

  /** Compares a Job that was sent with the answer: what the server does not know is not in it. */
  noteCreated(sent: JobManifest, answer: unknown): void {
    if (sent.spec.podFailurePolicy === undefined || !this.#knowsPodFailurePolicy) return;
    const { spec } = answer as { readonly spec?: { readonly podFailurePolicy?: unknown } };
    if (spec?.podFailurePolicy !== undefined) return;
    this.#knowsPodFailurePolicy = false;
    this.#log.warn({}, 'the API server does not know podFailurePolicy: it is left out of the Jobs');
  }
}
