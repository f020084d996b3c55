/**
 * Which code has run: V8's own block coverage, through the inspector. The validator that ajv makes of the schema is code
 * without a file, and counts: each of its branches is a rule of the schema.
 */
import { type Profiler, Session } from 'node:inspector';

/** The webhook, what it stands on, and code that was made at run time. */
const WATCHED = /^$|\/(?:webhook|shared)\/.*\.ts$/;

export class Coverage {
  readonly #session = new Session();
  readonly #known = new Set<string>();

  /** From now on counts, at some cost to everything that is compiled after it. */
  start(): void {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.disconnect();
  }

  /** How many blocks have ever been run. */
  get blocks(): number {
    return this.#known.size;
  }

  /** The blocks that ran since the last call and never before. They stay new until they are `learned`. */
  take(): readonly string[] {
    let scripts: readonly Profiler.ScriptCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error;
      scripts = result;
    });
    return scripts.flatMap((script) => (WATCHED.test(script.url) ? this.#newIn(script) : []));
  }

  learn(blocks: readonly string[]): void {
    for (const block of blocks) this.#known.add(block);
  }

  #newIn({ scriptId, functions }: Profiler.ScriptCoverage): readonly string[] {
    return functions.flatMap(({ ranges }) =>
      ranges.flatMap(({ startOffset, endOffset, count }) => {
        const block = `${scriptId}:${startOffset}:${endOffset}`;
        return count > 0 && !this.#known.has(block) ? [block] : [];
      }),
    );
  }
}
