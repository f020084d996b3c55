/** What a user does with a sequence, how it ends, and with which requests of the controller. */
import type { Actor } from './actor.ts';

export interface Ending {
  /** Undefined: the object and all that it owned is deleted. */
  readonly phase?: 'Completed' | 'Failed';
  /** `<index> <state> <exit code>`. */
  readonly steps: readonly string[];
  readonly finally?: readonly string[];
  /** `status.resumes`, where it is not what `spec.resume` asks for. */
  readonly resumes?: number;
  /** What the Pods of finally were told in their annotations, in order: `<outcome> <failed step> <failure reason>`. */
  readonly told?: readonly string[];
  /** All Jobs that were ever created, in order, without the sequence's name and the dash. */
  readonly jobs: readonly string[];
  /** The Jobs of all Pods that were ever created, in their order; default: each Job has one. */
  readonly pods?: readonly string[];
  /** How many claims were ever created; default none. */
  readonly claims?: number;
  /** The reasons of all events. */
  readonly events: readonly string[];
  /** The reasons of those that come twice in the same words: the event then counts to two. */
  readonly twice?: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** No webhook was asked about the object when it was created. */
  readonly isBypassed?: true;
  /** The watch of Pods shows nothing, so that the controller has to ask how a Pod failed: else chance decides. */
  readonly isBlind?: true;
  /** Requests that a controller sends only for the first sequence that needs them. */
  readonly once?: readonly string[];
  /** Before anything is counted or treated. After it the controller is started again. */
  readonly prepare?: (actor: Actor) => Promise<void>;
  /** The reasons of the events until then. */
  readonly prepared?: readonly string[];
  /** Resolves when the sequence has come to its end. */
  readonly play: (actor: Actor) => Promise<void>;
  /** How many of each kind the controller sends when all goes well. */
  readonly requests: Readonly<Record<string, number>>;
  readonly ending: Ending;
}

/** What of a list is left without these, each of them once. */
export function without(list: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...list];
  for (const other of others) {
    const index = left.indexOf(other);
    if (index !== -1) left.splice(index, 1);
  }
  return left;
}
