/** Validates updates of the steps: immutable steps, with their settings, stay unchanged, in order, and before all others. */
import type { SequentialJobSpec, Step as ApiStep } from '../api/types.ts';
import { forbidden, Path, type FieldError } from './field-error.ts';
import { IMMUTABILITY, type Immutability, immutable } from './immutable.ts';
import { RESOURCE_SCHEMA } from './schema.ts';
import { reportDifferences } from './semantic.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

type Spec = Untrusted<SequentialJobSpec>;
type Step = Untrusted<ApiStep>;

const SPEC = RESOURCE_SCHEMA.properties?.['spec']?.properties;
const STEPS = { at: Path.of('spec').child('steps'), schema: SPEC?.['steps']?.items, name: '' };

/** Which steps have started, and what may change. */
export interface SequenceProgress {
  /** The number of steps that have started. */
  readonly startedCount: number;
  /** Whether the steps after those may change. */
  readonly futureStepsEditable: boolean;
  /** Whether the current step is the last started one, or the first one after them. */
  readonly current: 'started' | 'future';
  /** The later steps may not change only because those of `finally` run. */
  readonly awaitsFinally?: boolean;
}

interface ImmutableSteps {
  readonly steps: readonly Step[];
  readonly progress: SequenceProgress;
  /** The index of each old step, by name. */
  readonly indexByName: ReadonlyMap<string, number>;
}

/** The errors in an update of the steps. Accepts untrusted values. */
export function validateStepUpdate(was: Spec, is: Spec, progress: SequenceProgress): readonly FieldError[] {
  const old = asObjects<ApiStep>(was.steps);
  const immutableSteps: ImmutableSteps = {
    steps: progress.futureStepsEditable ? old.slice(0, progress.startedCount) : old,
    progress,
    indexByName: indexNames(old),
  };
  return validateSteps(immutableSteps, asObjects<ApiStep>(is.steps));
}

const nameOf = (item: { readonly name?: unknown } | undefined): string | undefined => nonEmptyString(item?.name);

/** The index of each name; of duplicate names, which validation refuses, the first one. */
function indexNames(items: readonly { readonly name?: unknown }[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  items.forEach((item, i) => {
    const name = nameOf(item);
    if (name !== undefined && !places.has(name)) places.set(name, i);
  });
  return places;
}

type StepMatches = readonly (number | undefined)[];

function validateSteps(immutableSteps: ImmutableSteps, now: readonly Step[]): readonly FieldError[] {
  const matches = matchSteps(immutableSteps, now);
  const errors: FieldError[] = [
    ...removals(immutableSteps, matches),
    ...additions(immutableSteps, matches),
    ...moves(matches),
  ];
  now.forEach((step, i) => {
    const match = matches[i];
    if (match === undefined) return;
    const { field } = immutabilityOf(match, immutableSteps);
    const place = { ...STEPS, at: STEPS.at.index(i) };
    reportDifferences(
      immutableSteps.steps[match],
      step,
      place,
      (at, value) => void errors.push(immutable(at, value, field)),
    );
  });
  return errors;
}

/**
 * For each new step, the index of the immutable step that it corresponds to: the one at its index if the names match,
 * else the one of its name, else the one at its index (renamed).
 */
function matchSteps({ steps, indexByName }: ImmutableSteps, now: readonly Step[]): StepMatches {
  const names = indexNames(now);
  return now.map((step, i) => {
    const name = nameOf(step);
    const namesake = nameOf(steps[i]);
    if (i < steps.length && name === namesake) return i;
    const place = name === undefined ? undefined : indexByName.get(name);
    if (name !== undefined && place !== undefined) {
      return place < steps.length && names.get(name) === i ? place : undefined;
    }
    return i < steps.length && (namesake === undefined || !names.has(namesake)) ? i : undefined;
  });
}

function immutabilityOf(place: number, { progress }: ImmutableSteps): Immutability {
  if (progress.awaitsFinally === true) return IMMUTABILITY.finallyRunning;
  return place < progress.startedCount ? IMMUTABILITY.stepReached : IMMUTABILITY.futureStep;
}

function removals(immutableSteps: ImmutableSteps, matches: StepMatches): readonly FieldError[] {
  const kept = new Set(matches);
  const gone = immutableSteps.steps.flatMap((step, i) =>
    kept.has(i) ? [] : [{ step, immutability: immutabilityOf(i, immutableSteps) }],
  );
  return [...Map.groupBy(gone, ({ immutability }) => immutability)].map(([immutability, steps]) => {
    const names = quoted(steps.map(({ step }) => nameOf(step) ?? ''));
    return forbidden(STEPS.at, `a step may not be removed ${immutability.addOrRemove}: ${names}`);
  });
}

function additions({ steps, progress }: ImmutableSteps, matches: StepMatches): readonly FieldError[] {
  const last = matches.findLastIndex((match) => match !== undefined);
  const detail = additionRule(steps, progress);
  return matches.flatMap((match, i) =>
    match !== undefined || (progress.futureStepsEditable && i > last) ? [] : [forbidden(STEPS.at.index(i), detail)],
  );
}

function additionRule(
  steps: readonly Step[],
  { startedCount, futureStepsEditable, current, awaitsFinally }: SequenceProgress,
): string {
  const last = quoted([nameOf(steps[startedCount - 1]) ?? '']);
  const behind = current === 'started' ? `after the current one, ${last}` : `after ${last}`;
  if (futureStepsEditable) return `a step may only be added ${behind}`;
  if (awaitsFinally === true) return `a step may not be added ${IMMUTABILITY.finallyRunning.addOrRemove}`;
  const rule = 'a step may not be added after the sequence has started';
  if (startedCount === steps.length) return rule;
  return `${rule}; with updatePolicy FutureSteps it may${startedCount === 0 ? '' : `, ${behind}`}`;
}

/** Reported once: of two steps that changed places, either may be the one that moved. */
function moves(matches: StepMatches): readonly FieldError[] {
  const order = matches.filter((match) => match !== undefined);
  return order.every((place, i) => i === 0 || place > (order[i - 1] ?? -1))
    ? []
    : [forbidden(STEPS.at, 'steps may not change places after the sequence has started')];
}

/** Maximum number of names in a message. */
const MAX_LISTED = 5;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => JSON.stringify(name));
  return names.length > MAX_LISTED ? `${shown.join(', ')} and ${names.length - MAX_LISTED} more` : shown.join(', ');
}
