/** The positions of the steps of a spec: first those of `steps`, then those of `finally`. Pure. */
import { stepLabel } from '../api/reasons.ts';
import type { SequentialJobSpec, Step } from '../api/types.ts';

/** The index of a step in `[...spec.steps, ...spec.finally]`. */
export type StepPosition = number;

type Lists = Pick<SequentialJobSpec, 'steps' | 'finally'>;

/** Where a step stands in the spec. */
export interface StepPlace {
  /** The field that lists the step. */
  readonly list: 'steps' | 'finally';
  /** The index in that list. */
  readonly index: number;
}

/** All steps by position. */
export const allSteps = ({ steps, finally: last }: Lists): readonly Step[] => [...steps, ...(last ?? [])];

/** The step at the position; undefined if there is none. */
export function stepAt(spec: Lists, position: StepPosition): Step | undefined {
  const { list, index } = placeOf(spec, position);
  return spec[list]?.[index];
}

/** Where the step at this position stands. */
export function placeOf({ steps }: Lists, position: StepPosition): StepPlace {
  return position < steps.length
    ? { list: 'steps', index: position }
    : { list: 'finally', index: position - steps.length };
}

/** The position of the step at this place. */
export const positionOf = ({ steps }: Lists, { list, index }: StepPlace): StepPosition =>
  list === 'steps' ? index : steps.length + index;

/** `1 (transform)`, `0 (cleanup) of finally`: how the step is named in messages. */
export function positionLabel(spec: Lists, position: StepPosition): string {
  const { list, index } = placeOf(spec, position);
  return stepLabel(index, stepAt(spec, position)?.name ?? '', list === 'finally');
}

/** The path of the step: `spec.steps[1]`. */
export function stepPath(spec: Lists, position: StepPosition): string {
  const { list, index } = placeOf(spec, position);
  return `spec.${list}[${index}]`;
}
