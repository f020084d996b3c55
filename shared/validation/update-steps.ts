/** The steps in an update: those that are held stay as they are, with their policies, in their order and in front. */
import type { V1Container } from '@kubernetes/client-node';
import type { SequentialJobSpec, StepPolicy } from '../api/types.ts';
import { forbidden, Path, type FieldError } from './field-error.ts';
import { IMMUTABILITY, type Immutability, immutable } from './immutable.ts';
import { RESOURCE_SCHEMA } from './schema.ts';
import { differences } from './semantic.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

type Spec = Untrusted<SequentialJobSpec>;
type Step = Untrusted<V1Container>;
type Policy = Untrusted<StepPolicy>;

const SPEC = RESOURCE_SCHEMA.properties?.['spec']?.properties;
const CONTAINERS = { at: Path.of('spec').child('containers'), schema: SPEC?.['containers']?.items, name: '' };
const POLICIES = { at: Path.of('spec').child('stepPolicies'), schema: SPEC?.['stepPolicies']?.items, name: '' };

/** How far the sequence has come, and what follows from it. */
export interface SequenceProgress {
  /** So many steps have been reached. */
  readonly startedCount: number;
  /** Whether the steps behind those are free to change. */
  readonly futureStepsEditable: boolean;
  /** Whether the current step is the last of those, or the first behind them. */
  readonly current: 'reached' | 'to come';
}

interface OldSteps {
  readonly steps: readonly Step[];
  readonly reach: SequenceProgress;
  /** By name, the place among the old steps. */
  readonly places: ReadonlyMap<string, number>;
}

/** Gives what is wrong with the change of the containers and of the step policies. Total: nothing of either is trusted. */
export function changesOfSteps(
  was: Spec,
  is: Spec,
  reach: SequenceProgress,
): { readonly containers: readonly FieldError[]; readonly policies: readonly FieldError[] } {
  const old = asObjects<V1Container>(was.containers);
  const held: OldSteps = {
    steps: reach.futureStepsEditable ? old.slice(0, reach.startedCount) : old,
    reach,
    places: placesOf(old),
  };
  const now = asObjects<V1Container>(is.containers);
  return {
    containers: containerFaults(held, now),
    policies: policyFaults(asObjects<StepPolicy>(was.stepPolicies), asObjects<StepPolicy>(is.stepPolicies), held),
  };
}

const nameOf = (item: { readonly name?: unknown } | undefined): string | undefined => nonEmptyString(item?.name);

/** Where each name stands; of two of the same name, which validation refuses, the first. */
function placesOf(items: readonly { readonly name?: unknown }[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  items.forEach((item, i) => {
    const name = nameOf(item);
    if (name !== undefined && !places.has(name)) places.set(name, i);
  });
  return places;
}

type StepMatches = readonly (number | undefined)[];

function containerFaults(held: OldSteps, now: readonly Step[]): readonly FieldError[] {
  const partners = matchSteps(held, now);
  const faults: FieldError[] = [...removals(held, partners), ...additions(held, partners), ...moves(partners)];
  now.forEach((step, i) => {
    const partner = partners[i];
    if (partner === undefined) return;
    const { field } = immutabilityOf(partner, held);
    const place = { ...CONTAINERS, at: CONTAINERS.at.index(i) };
    differences(held.steps[partner], step, place, (at, value) => void faults.push(immutable(at, value, field)));
  });
  return faults;
}

/**
 * Of each new step, the place of the held one that it is: the one in its place where they have one name, else the one
 * of its name, else the one in its place, renamed.
 */
function matchSteps({ steps, places }: OldSteps, now: readonly Step[]): StepMatches {
  const names = placesOf(now);
  return now.map((step, i) => {
    const name = nameOf(step);
    const namesake = nameOf(steps[i]);
    if (i < steps.length && name === namesake) return i;
    const place = name === undefined ? undefined : places.get(name);
    if (name !== undefined && place !== undefined) {
      return place < steps.length && names.get(name) === i ? place : undefined;
    }
    return i < steps.length && (namesake === undefined || !names.has(namesake)) ? i : undefined;
  });
}

const immutabilityOf = (place: number, { reach }: OldSteps): Immutability =>
  place < reach.startedCount ? IMMUTABILITY.reached : IMMUTABILITY.ahead;

function removals(held: OldSteps, partners: StepMatches): readonly FieldError[] {
  const kept = new Set(partners);
  const gone = held.steps.flatMap((step, i) => (kept.has(i) ? [] : [{ step, hold: immutabilityOf(i, held) }]));
  return [...Map.groupBy(gone, ({ hold }) => hold)].map(([hold, steps]) => {
    const names = quoted(steps.map(({ step }) => nameOf(step) ?? ''));
    return forbidden(CONTAINERS.at, `a step may not be removed ${hold.whole}: ${names}`);
  });
}

function additions({ steps, reach }: OldSteps, partners: StepMatches): readonly FieldError[] {
  const last = partners.findLastIndex((partner) => partner !== undefined);
  const detail = additionOf(steps, reach);
  return partners.flatMap((partner, i) =>
    partner !== undefined || (reach.futureStepsEditable && i > last) ? [] : [forbidden(CONTAINERS.at.index(i), detail)],
  );
}

function additionOf(steps: readonly Step[], { startedCount, futureStepsEditable, current }: SequenceProgress): string {
  const last = quoted([nameOf(steps[startedCount - 1]) ?? '']);
  const behind = current === 'reached' ? `after the current one, ${last}` : `after ${last}`;
  if (futureStepsEditable) return `a step may only be added ${behind}`;
  const rule = 'a step may not be added after the sequence has started';
  if (startedCount === steps.length) return rule;
  return `${rule}; with updatePolicy FutureSteps it may${startedCount === 0 ? '' : `, ${behind}`}`;
}

/** Said once: which of two that changed places has moved is anybody's guess. */
function moves(partners: StepMatches): readonly FieldError[] {
  const order = partners.filter((partner) => partner !== undefined);
  return order.every((place, i) => i === 0 || place > (order[i - 1] ?? -1))
    ? []
    : [forbidden(CONTAINERS.at, 'steps may not change places after the sequence has started')];
}

/** The first few names: a message is read by people. */
const SHOWN = 5;

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).map((name) => JSON.stringify(name));
  return names.length > SHOWN ? `${shown.join(', ')} and ${names.length - SHOWN} more` : shown.join(', ');
}

/** Policies are told by name and have no order. One that says nothing is as good as none. */
function policyFaults(was: readonly Policy[], is: readonly Policy[], held: OldSteps): readonly FieldError[] {
  const [before, after] = [placesOf(was), placesOf(is)];
  const faults: FieldError[] = [];
  for (const [name, i] of after) {
    const hold = immutabilityOfPolicy(name, held);
    const old = was[before.get(name) ?? -1];
    const at = POLICIES.at.index(i);
    if (hold === undefined) continue;
    if (old !== undefined) {
      differences(old, is[i], { ...POLICIES, at }, (here, value) => {
        faults.push(immutable(here, value, hold.field));
      });
    } else if (isEffective(is[i], name)) {
      faults.push(forbidden(at, `the policy of a step may not be added ${hold.whole}: ${quoted([name])}`));
    }
  }
  for (const [name, i] of before) {
    const hold = immutabilityOfPolicy(name, held);
    if (hold === undefined || after.has(name) || !isEffective(was[i], name)) continue;
    faults.push(forbidden(POLICIES.at, `the policy of a step may not be removed ${hold.whole}: ${quoted([name])}`));
  }
  return faults;
}

/** Why the policy of the step of this name is held; undefined where it is free. */
function immutabilityOfPolicy(name: string, held: OldSteps): Immutability | undefined {
  const place = held.places.get(name) ?? Number.POSITIVE_INFINITY;
  return held.reach.futureStepsEditable && place >= held.steps.length ? undefined : immutabilityOf(place, held);
}

function isEffective(policy: Policy | undefined, name: string): boolean {
  let differs = false;
  differences({ name }, policy, POLICIES, () => {
    differs = true;
  });
  return differs;
}
