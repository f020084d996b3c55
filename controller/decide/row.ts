/** A row of the table of the state machine: a guard, its effect, and where it leads. */
import type { Context, Draft, State } from './types.ts';

/** A question about the snapshot and the draft. */
export interface Guard {
  /** As docs/state-machine.md and the diagram name it. */
  readonly name: string;
  /** What it means that the guard holds, in the words of docs/state-machine.md. */
  readonly description: string;
  /** Pure. */
  readonly holds: (context: Context) => boolean;
}

/** What a row does to the draft; requests become actions of the draft. */
export interface Effect {
  readonly name: string;
  readonly description: string;
  /** Pure. */
  readonly apply: (context: Context) => Draft;
}

export interface Row {
  readonly guard: Guard;
  readonly effect: Effect;
  /** Default: the sequence stays in its state. */
  readonly to?: State;
  /** The walk continues with the rows of the next state. Default: nothing more can be decided before something has happened. */
  readonly continues?: true;
}

type Unnamed<T> = Omit<T, 'name'>;

/** The guards by their names. */
export function defineGuards<K extends string>(
  guards: Readonly<Record<K, Unnamed<Guard>>>,
): Readonly<Record<K, Guard>> {
  return named(guards);
}

/** The effects by their names. */
export function defineEffects<K extends string>(
  effects: Readonly<Record<K, Unnamed<Effect>>>,
): Readonly<Record<K, Effect>> {
  return named(effects);
}

function named<K extends string, T extends object>(
  items: Readonly<Record<K, T>>,
): Readonly<Record<K, T & { readonly name: string }>> {
  const entries = Object.entries<T>(items).map(([name, item]) => [name, { ...item, name }] as const);
  return Object.fromEntries(entries) as Record<K, T & { readonly name: string }>;
}

/** The guard of the last row of a state: it always holds. */
export const { otherwise } = defineGuards({ otherwise: { description: 'none of the above', holds: () => true } });

export const { none } = defineEffects({ none: { description: 'nothing', apply: ({ draft }) => draft } });
