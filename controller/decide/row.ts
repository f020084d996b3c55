/** A row of the state machine's table: a guard, its effect, and the next state. */
import type { Context, Draft, State } from './types.ts';

/** A predicate on the snapshot and the draft. */
export interface Guard {
  /** Name in docs/state-machine.md and its diagram. */
  readonly name: string;
  /** When the guard holds; printed in docs/state-machine.md. */
  readonly description: string;
  /** Pure. */
  readonly holds: (context: Context) => boolean;
}

/** Changes the draft; requests to the API server become actions of the draft. */
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
  /** The walk continues with the rows of the next state. Default: the walk ends until the next reconcile. */
  readonly continues?: true;
}

type Unnamed<T> = Omit<T, 'name'>;

/** Adds its key as name to each guard. */
export function defineGuards<K extends string>(
  guards: Readonly<Record<K, Unnamed<Guard>>>,
): Readonly<Record<K, Guard>> {
  return named(guards);
}

/** Adds its key as name to each effect. */
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
