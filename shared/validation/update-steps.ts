/**
 * Validates updates of the steps: immutable steps and their policies stay unchanged, in order, and before all others.
 */
import type { V1Container } from '@kubernetes/client-node';
import type { SequentialJobSpec, StepPolicy } from '../api/types.ts';
import { forbidden, Path, type FieldError } from './field-error.ts';
import { IMMUTABILITY, type Immutability, immutable } from './immutable.ts';
import { RESOURCE_SCHEMA } from './schema.ts';
import { reportDifferences } from './semantic.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

type Spec = Untrusted<SequentialJobSpec>;
type Step = Untrusted<V1Container>;
type Policy = Untrusted<StepPolicy>;

const SPEC = RESOURCE_SCHEMA.properties?.['spec']?.properties;
const CONTAINERS = { at: Path.of('spec').child('containers'), schema: SPEC?.['containers']?.items, name: '' };
const POLICIES = { at: Path.of('spec').child('stepPolicies'), schema: SPEC?.['stepPolicies']?.items, name: '' };

/** Which steps have started, and what may change. */
export interface SequenceProgress {
  /** The number of steps that have started. */
  readonly startedCount: number;
  /** Whether the steps after those may change. */
  readonly futureStepsEditable: boolean;
  /** Whether the current step is the last started one, or the first one after them. */
  readonly current: 'started' | 'future';
}

interface ImmutableSteps {
  readonly steps: readonly Step[];
  readonly progress: SequenceProgress;
  /** The index of each old step, by name. */
  readonly indexByName: ReadonlyMap<string, number>;
}

/** The errors in an update of the containers and of the step policies. Accepts untrusted values. */
export function validateStepUpdate(
  was: Spec,
  is: Spec,
  progress: SequenceProgress,
): { readonly containers: readonly FieldError[]; readonly policies: readonly FieldError[] } {
  const old = asObjects<V1Container>(was.containers);
  const immutableSteps: ImmutableSteps = {
    steps: progress.futureStepsEditable ? old.slice(0, progress.startedCount) : old,
    progress,
    indexByName: indexNames(old),
  };
  const now = asObjects<V1Container>(is.containers);
  return {
    containers: validateContainerUpdate(immutableSteps, now),
    policies: validatePolicyUpdate(
      asObjects<StepPolicy>(was.stepPolicies),
      asObjects<StepPolicy>(is.stepPolicies),
      immutableSteps,
    ),
  };
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

function validateContainerUpdate(immutableSteps: ImmutableSteps, now: readonly Step[]): readonly FieldError[] {
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
    const place = { ...CONTAINERS, at: CONTAINERS.at.index(i) };
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

const immutabilityOf = (place: number, { progress }: ImmutableSteps): Immutability =>
  place < progress.startedCount ? IMMUTABILITY.stepReached : IMMUTABILITY.futureStep;

function removals(immutableSteps: ImmutableSteps, matches: StepMatches): readonly FieldError[] {
  const kept = new Set(matches);
  const gone = immutableSteps.steps.flatMap((step, i) =>
    kept.has(i) ? [] : [{ step, immutability: immutabilityOf(i, immutableSteps) }],
  );
  return [...Map.groupBy(gone, ({ immutability }) => immutability)].map(([immutability, steps]) => {
    const names = quoted(steps.map(({ step }) => nameOf(step) ?? ''));
    return forbidden(CONTAINERS.at, `a step may not be removed ${immutability.addOrRemove}: ${names}`);
  });
}

function additions({ steps, progress }: ImmutableSteps, matches: StepMatches): readonly FieldError[] {
  const last = matches.findLastIndex((match) => match !== undefined);
  const detail = additionRule(steps, progress);
  return matches.flatMap((match, i) =>
    match !== undefined || (progress.futureStepsEditable && i > last)
      ? []
      : [forbidden(CONTAINERS.at.index(i), detail)],
  );
}

function additionRule(
  steps: readonly Step[],
  { startedCount, futureStepsEditable, current }: SequenceProgress,
): string {
  const last = quoted([nameOf(steps[startedCount - 1]) ?? '']);
  const behind = current === 'started' ? `after the current one, ${last}` : `after ${last}`;
  if (futureStepsEditable) return `a step may only be added ${behind}`;
  const rule = 'a step may not be added after the sequence has started';
  if (startedCount === steps.length) return rule;
  return `${rule}; with updatePolicy FutureSteps it may${startedCount === 0 ? '' : `, ${behind}`}`;
}

/** Reported once: of two steps that changed places, either may be the one that moved. */
function moves(matches: StepMatches): readonly FieldError[] {
  const order = matches.filter((match) => match !== undefined);
  return order.every((place, i) => i === 0 || place > (order[i - 1] ?? -1))
    ? []
    : [forbidden(CONTAINERS.at, 'steps may not change places after the sequence has started')];
}

/** Maximum number of names in a message. */
const MAX_LISTED = 5;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => JSON.stringify(name));
  return names.length > MAX_LISTED ? `${shown.join(', ')} and ${names.length - MAX_LISTED} more` : shown.join(', ');
}

/** Policies are matched by name, and their order is ignored. A policy without settings counts as absent. */
function validatePolicyUpdate(
  was: readonly Policy[],
  is: readonly Policy[],
  immutableSteps: ImmutableSteps,
): readonly FieldError[] {
  const [before, after] = [indexNames(was), indexNames(is)];
  const errors: FieldError[] = [];
  for (const [name, i] of after) {
    const immutability = immutabilityOfPolicy(name, immutableSteps);
    const old = was[before.get(name) ?? -1];
    const at = POLICIES.at.index(i);
    if (immutability === undefined) continue;
    if (old !== undefined) {
      reportDifferences(old, is[i], { ...POLICIES, at }, (here, value) => {
        errors.push(immutable(here, value, immutability.field));
      });
    } else if (isEffective(is[i], name)) {
      errors.push(
        forbidden(at, `the policy of a step may not be added ${immutability.addOrRemove}: ${quoted([name])}`),
      );
    }
  }
  for (const [name, i] of before) {
    const immutability = immutabilityOfPolicy(name, immutableSteps);
    if (immutability === undefined || after.has(name) || !isEffective(was[i], name)) continue;
    errors.push(
      forbidden(POLICIES.at, `the policy of a step may not be removed ${immutability.addOrRemove}: ${quoted([name])}`),
    );
  }
  return errors;
}

/** Why the policy of the named step is immutable; undefined if it may change. */
function immutabilityOfPolicy(name: string, immutableSteps: ImmutableSteps): Immutability | undefined {
  const place = immutableSteps.indexByName.get(name) ?? Number.POSITIVE_INFINITY;
  return immutableSteps.progress.futureStepsEditable && place >= immutableSteps.steps.length
    ? undefined
    : immutabilityOf(place, immutableSteps);
}

function isEffective(policy: Policy | undefined, name: string): boolean {
  let differs = false;
  reportDifferences({ name }, policy, POLICIES, () => {
    differs = true;
  });
  return differs;
}
