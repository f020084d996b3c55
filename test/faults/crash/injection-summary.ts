/** Counts what was injected and how it ended, for the table at the end. */

export interface Outcome {
  readonly passed: boolean;
  readonly restarted: boolean;
  readonly eventsLost: number;
  readonly seconds: number;
}

const HEAD = `| scenario | injections | passed | of them by a new process | events that were lost with a process | slowest |
| --- | --- | --- | --- | --- | --- |`;

export class InjectionSummary {
  readonly #outcomes: (Outcome & { readonly scenario: string })[] = [];

  add(scenario: string, outcome: Outcome): void {
    this.#outcomes.push({ scenario, ...outcome });
  }

  /** In Markdown, with a row for all of it. */
  table(): string {
    const rows = [...Map.groupBy(this.#outcomes, ({ scenario }) => scenario), ['all', this.#outcomes] as const];
    return [HEAD, ...rows.map(([name, outcomes]) => row(name, outcomes))].join('\n');
  }
}

function row(name: string, outcomes: readonly Outcome[]): string {
  const count = (isCounted: (one: Outcome) => boolean): number => outcomes.filter(isCounted).length;
  const lost = outcomes.reduce((sum, { eventsLost }) => sum + eventsLost, 0);
  const slowest = Math.max(0, ...outcomes.map(({ seconds }) => seconds)).toFixed(1);
  const cells = [name, outcomes.length, count(({ passed }) => passed), count(({ restarted }) => restarted), lost];
  return `| ${[...cells, `${slowest} s`].join(' | ')} |`;
}
