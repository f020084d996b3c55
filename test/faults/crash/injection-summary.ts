/** Counts what was injected and how it ended, for the table at the end. */

interface Line {
  injected: number;
  passed: number;
  restarts: number;
  eventsLost: number;
  /** In seconds. */
  slowest: number;
}

export interface Outcome {
  readonly passed: boolean;
  readonly restarted: boolean;
  readonly eventsLost: number;
  readonly seconds: number;
}

export class InjectionSummary {
  readonly #lines = new Map<string, Line>();

  add(scenario: string, { passed, restarted, eventsLost, seconds }: Outcome): void {
    const line = this.#lines.get(scenario) ?? { injected: 0, passed: 0, restarts: 0, eventsLost: 0, slowest: 0 };
    this.#lines.set(scenario, {
      injected: line.injected + 1,
      passed: line.passed + Number(passed),
      restarts: line.restarts + Number(restarted),
      eventsLost: line.eventsLost + eventsLost,
      slowest: Math.max(line.slowest, seconds),
    });
  }

  /** In Markdown, with a line for all of it. */
  table(): string {
    const rows = [...this.#lines].map(([name, line]) => row(name, line));
    const all = [...this.#lines.values()].reduce<Line>(sum, NOTHING);
    return [HEAD, ...rows, row('all', all)].join('\n');
  }
}

const NOTHING: Line = { injected: 0, passed: 0, restarts: 0, eventsLost: 0, slowest: 0 };
const HEAD = `| scenario | injections | as they should end | of them by a new process | events that died with a process | slowest |
| --- | --- | --- | --- | --- | --- |`;

function sum(a: Line, b: Line): Line {
  return {
    injected: a.injected + b.injected,
    passed: a.passed + b.passed,
    restarts: a.restarts + b.restarts,
    eventsLost: a.eventsLost + b.eventsLost,
    slowest: Math.max(a.slowest, b.slowest),
  };
}

function row(name: string, { injected, passed, restarts, eventsLost, slowest }: Line): string {
  return `| ${[name, injected, passed, restarts, eventsLost, `${slowest.toFixed(1)} s`].join(' | ')} |`;
}
