/** Sequences of one namespace, whose Jobs succeed at once. */
import { FINALIZER } from '../../shared/api/group.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { collectionPath, JOBS, type Resource, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { inParallel } from '../support/parallel.ts';
import { sequence } from '../support/sequences.ts';
import { JobFinisher } from './job-finisher.ts';

/** What only a hang reaches. */
const LIMIT_SECONDS = 660;
const PAGE = 500;

interface Page<T> {
  readonly metadata: { readonly continue?: string };
  readonly items: readonly T[];
}

/** What `verdict` finds wrong, each thing once; all zero where nothing is. */
export interface Verdict {
  readonly sequences: number;
  readonly jobs: number;
  readonly notCompleted: number;
  /** Steps whose record names another Job than the only one that there ever was. */
  readonly wrongSteps: number;
}

export class SequenceRunner {
  readonly finisher: JobFinisher;
  readonly #namespace: Namespace;
  readonly #client: ApiClient;
  readonly #steps: number;

  private constructor(client: ApiClient, namespace: Namespace, steps: number) {
    this.#client = client;
    this.#namespace = namespace;
    this.#steps = steps;
    this.finisher = new JobFinisher(client, namespace.name);
  }

  static async create(client: ApiClient, prefix: string, steps: number): Promise<SequenceRunner> {
    const runner = new SequenceRunner(client, await Namespace.create(client, prefix), steps);
    await runner.finisher.start();
    return runner;
  }

  /** Runs one sequence to its end; resolves with what a step of it took, in milliseconds. */
  async runOne(name: string): Promise<number> {
    const since = performance.now();
    await this.#create(name);
    await this.untilComplete(name);
    return (performance.now() - since) / this.#steps;
  }

  /** Creates so many sequences, some at once. */
  async createMany(count: number): Promise<void> {
    await inParallel(count, (i) => this.#create(`many-${i}`));
  }

  async untilComplete(...names: readonly string[]): Promise<void> {
    await this.#until(() => names.every((name) => this.finisher.complete.has(name)), `the end of ${names.join(', ')}`);
  }

  async untilCount(count: number): Promise<void> {
    await this.#until(() => this.finisher.complete.size >= count, `the end of ${count} sequences`);
  }

  /** Compares what the API server has with what was seen. */
  async verdict(): Promise<Verdict> {
    const sequences = await this.#list<SequentialJob>(SEQUENTIAL_JOBS);
    const jobs = await this.#list<unknown>(JOBS);
    const wrong = sequences.flatMap(({ metadata: { name }, status }) =>
      Array.from({ length: this.#steps }, (_, i) => {
        const seen = this.finisher.jobs.get(`${name}/${i}`);
        const recorded = status?.steps?.[i]?.jobUID ?? '';
        return seen?.size === 1 && seen.has(recorded);
      }).filter((isRight) => !isRight),
    );
    return {
      sequences: sequences.length,
      jobs: jobs.length,
      notCompleted: sequences.filter(({ status }) => status?.phase !== 'Completed').length,
      wrongSteps: wrong.length,
    };
  }

  async stop(): Promise<void> {
    await this.finisher.stop();
  }

  async #create(name: string): Promise<void> {
    await this.#namespace.apply(name, sequence(this.#steps), { finalizers: [FINALIZER] });
  }

  async #until(isSo: () => boolean, what: string): Promise<void> {
    await eventually(
      what,
      () => {
        if (this.finisher.failure !== undefined) throw this.finisher.failure;
        return isSo();
      },
      LIMIT_SECONDS,
    );
  }

  async #list<T>(resource: Resource): Promise<readonly T[]> {
    const path = collectionPath(resource, this.#namespace.name);
    const all: T[] = [];
    let from: string | undefined;
    do {
      const query = { limit: PAGE, continue: from };
      const page: Page<T> = await this.#client.request({ method: 'GET', path, query });
      all.push(...page.items);
      from = page.metadata.continue;
    } while (from !== undefined && from !== '');
    return all;
  }
}
