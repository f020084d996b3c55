/**
 * Which spec a sequence may run at each generation: the last one that was legal. A change is judged as the webhook
 * judges it, by the status under which it was made, against what was run until then. Where several changes came between
 * two looks of the controller it may have judged each or only the last, so there may be several answers.
 */
import type { SequentialJobSpec, SequentialJobStatus } from '../../../../shared/api/types.ts';
import { validateUpdate } from '../../../../shared/validation/index.ts';

type Spec = SequentialJobSpec;

/** What may change at any time. */
const MUTABLE: ReadonlySet<string> = new Set([
  'suspend',
  'ttlSecondsAfterFinished',
  'activeDeadlineSeconds',
  'resume',
  'updatePolicy',
]);

export class Law {
  /** By generation; the first is 1. */
  readonly #lawful: Spec[][] = [[]];

  constructor(spec: Spec) {
    this.#lawful.push([spec]);
  }

  at(generation: number): readonly Spec[] {
    return this.#lawful[generation] ?? [];
  }

  /** The spec was changed under this status, which says up to which generation the controller has judged. */
  change(spec: Spec, status: SequentialJobStatus | undefined): void {
    const isStarted = status?.startTime !== undefined;
    const before = this.#lawful.slice(Math.max(1, status?.observedGeneration ?? 1)).flat();
    this.#lawful.push(isStarted ? unique(before.map((held) => judged(held, spec, status))) : [spec]);
  }

  /** Nobody knows what the spec was before its last change: it may be taken as it is. */
  forgive(spec: Spec): void {
    const last = this.#lawful.at(-1);
    if (last !== undefined) this.#lawful.splice(-1, 1, unique([...last, spec]));
  }
}

function judged(held: Spec, spec: Spec, status: SequentialJobStatus | undefined): Spec {
  const { resume: _, ...rest } = spec;
  const asked = held.resume === undefined ? rest : { ...rest, resume: held.resume };
  return validateUpdate({ spec: held, status }, { spec: asked }).length === 0 ? spec : joined(held, spec);
}

function joined(held: Spec, spec: Spec): Spec {
  const frozen = Object.entries(held).filter(([field]) => !MUTABLE.has(field));
  const free = Object.entries(spec).filter(([field]) => MUTABLE.has(field));
  return Object.fromEntries([...frozen, ...free]) as unknown as Spec;
}

function unique(specs: readonly Spec[]): Spec[] {
  return [...new Map(specs.map((spec) => [JSON.stringify(spec), spec])).values()];
}
