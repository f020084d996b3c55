/**
 * One namespace under observation: makes sequences, completes their Jobs in place of the Job controller, and takes the time
 * from a completion's frame to the next Job's frame in one and the same watch.
 */
import { collectionPath, JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { RawClient, RawFrame, RawRequest } from './raw-client.ts';
import { completion, isComplete, sequenceBody, type Shown, stepOf } from './sequences.ts';

export const STEPS = 5;

export interface Run {
  readonly sequences: number;
  /** Sequences that are not over yet, at most. */
  readonly inFlight: number;
}

export interface Ran {
  readonly seconds: number;
  /** Milliseconds. */
  readonly handoffs: readonly number[];
}

export interface FieldOptions {
  readonly raw: RawClient;
  readonly namespace: string;
  /** When a sequence is over: with its last Job, or when its own status says so. */
  readonly over: 'jobs' | 'status';
  /** Rejects when whoever is watched at work is not there any more. */
  readonly died: Promise<never>;
}

/** Far more than any run takes: what hangs is to be seen as that. */
const LIMIT_MS = 1_800_000;

const NOTHING = (): void => undefined;

export class Field {
  readonly #options: FieldOptions;
  /** The names of the Jobs that run and have one to follow them, oldest first, and of those that are the last. */
  readonly #open: string[] = [];
  readonly #last: string[] = [];
  /** When a step of a sequence was seen to have ended. */
  readonly #ended = new Map<string, number>();
  /** Every sequence's state as it was first seen, and each later one; kept only where that is asked for. */
  readonly history: Shown[] = [];
  keepsHistory = false;
  #begun = 0;
  #over = 0;
  #handoffs: number[] = [];
  #completesAtOnce = true;
  #onOver: () => void = NOTHING;
  #onOpen: () => void = NOTHING;
  #onHandoff: () => void = NOTHING;
  #fail: (error: unknown) => void = NOTHING;

  private constructor(options: FieldOptions) {
    this.#options = options;
  }

  static async open(options: FieldOptions): Promise<Field> {
    const field = new Field(options);
    const { raw, namespace } = options;
    await raw.watch(collectionPath(JOBS, namespace), (frame) => field.#job(frame));
    await raw.watch(collectionPath(SEQUENTIAL_JOBS, namespace), (frame) => field.#sequence(frame));
    return field;
  }

  /** Runs sequences from their creation to their end, each Job completed at once; a new one begins where one is over. */
  async run({ sequences, inFlight }: Run): Promise<Ran> {
    this.#completesAtOnce = true;
    return this.#measure((resolve) => {
      const last = this.#begun + sequences;
      this.#onOver = (): void => {
        if (this.#over === last) resolve();
        else if (this.#begun < last) this.#create();
      };
      for (let i = 0; i < Math.min(inFlight, sequences); i++) this.#create();
    });
  }

  /** Makes sequences and leaves their first Jobs running. */
  async fill(sequences: number): Promise<void> {
    this.#completesAtOnce = false;
    const wanted = this.#open.length + sequences;
    await this.#measure((resolve) => {
      this.#onOpen = (): void => {
        if (this.#open.length === wanted) resolve();
      };
      for (let i = 0; i < sequences; i++) this.#create();
    });
  }

  /** Completes so many of the Jobs that are not the last, the oldest first, at an even pace; resolves when each has its successor. */
  async pace(completions: number, perSecond: number): Promise<Ran> {
    let timer: NodeJS.Timeout | undefined;
    const measured = this.#measure((resolve) => {
      const started = performance.now();
      let done = 0;
      this.#onHandoff = (): void => {
        if (this.#handoffs.length === completions) resolve();
      };
      timer = setInterval(() => {
        // As many as are due: a timer may come late. The first has its time to wait like the others.
        const due = Math.min(completions, Math.floor(((performance.now() - started) / 1000) * perSecond));
        for (; done < due && this.#open.length > 0; done++) this.#complete(this.#open.shift());
      }, 1);
    });
    return measured.finally(() => clearInterval(timer));
  }

  /** Brings what runs to its end. */
  async finish(): Promise<void> {
    this.#completesAtOnce = true;
    if (this.#over === this.#begun) return;
    await this.#measure((resolve) => {
      this.#onOver = (): void => {
        if (this.#over === this.#begun) resolve();
      };
      for (const job of [...this.#open.splice(0), ...this.#last.splice(0)]) this.#complete(job);
    });
  }

  /** Resolves with what was seen until `begin` says so. Rejects when a request fails meanwhile, and when it takes far too long. */
  async #measure(begin: (resolve: () => void) => void): Promise<Ran> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = new Error(`not over within ${LIMIT_MS / 1000} s`);
    const timer = setTimeout(() => reject(late), LIMIT_MS);
    const started = performance.now();
    [this.#onOver, this.#onOpen, this.#onHandoff, this.#fail] = [NOTHING, NOTHING, NOTHING, reject];
    this.#handoffs = [];
    begin(resolve);
    try {
      await Promise.race([promise, this.#options.died]);
    } finally {
      clearTimeout(timer);
    }
    return { seconds: (performance.now() - started) / 1000, handoffs: this.#handoffs };
  }

  #create(): void {
    this.#begun++;
    const name = `sequence-${String(this.#begun).padStart(5, '0')}`;
    const path = collectionPath(SEQUENTIAL_JOBS, this.#options.namespace);
    this.#send({ method: 'POST', path, body: sequenceBody(name, STEPS) });
  }

  #complete(job: string | undefined): void {
    if (job === undefined) return;
    const path = objectPath(JOBS, this.#options.namespace, job, 'status');
    this.#send({ method: 'PATCH', path, body: completion(new Date()), type: 'application/merge-patch+json' });
  }

  #send(request: RawRequest): void {
    this.#options.raw.send(request).catch((error: unknown) => this.#fail(error));
  }

  #job({ type, object }: RawFrame): void {
    const now = performance.now();
    const job = object as Shown;
    const { sequence, index } = stepOf(job);
    if (type === 'ADDED') {
      const since = this.#ended.get(sequence);
      if (since !== undefined) this.#handoffs.push(now - since);
      this.#ended.delete(sequence);
      if (this.#completesAtOnce) this.#complete(job.metadata.name);
      else {
        (index + 1 < STEPS ? this.#open : this.#last).push(job.metadata.name);
        this.#onOpen();
      }
      if (since !== undefined) this.#onHandoff();
    } else if (type === 'MODIFIED' && isComplete(job)) {
      if (index + 1 < STEPS) this.#ended.set(sequence, now);
      else if (this.#options.over === 'jobs') this.#ends();
    }
  }

  #sequence({ type, object }: RawFrame): void {
    const shown = object as Shown;
    if (this.keepsHistory) this.history.push(shown);
    if (type === 'MODIFIED' && this.#options.over === 'status' && isComplete(shown)) this.#ends();
  }

  #ends(): void {
    this.#over++;
    this.#onOver();
  }
}
