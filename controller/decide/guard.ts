/** The type that the tables of guards have in common. */
import type { Context } from './types.ts';

export interface Guard {
  /** What it means that it holds, in the words of docs/state-machine.md. */
  readonly description: string;
  /** Pure. */
  readonly holds: (context: Context) => boolean;
}
