/** Converts a spec of v1alpha1: the policy of a container goes into its step. Pure. */
import { MAX_POLICIES } from '../api/group.ts';
import { isObject, isPresent } from '../json/untrusted.ts';
import { duplicate, forbidden, notFound, Path, required, tooMany, typeInvalid } from '../validation/field-error.ts';
import { fail, type OnProblem } from './conversion-error.ts';
import { addToJob, containerOf, type Json, omit, settingsOf, takeFromJob } from './step-settings.ts';

/** The fields that v1beta1 has in another place, and those that v1alpha1 does not have. */
const MOVED = new Set(['containers', 'finally', 'stepPolicies', 'backoffLimit', 'job', 'steps']);

const SPEC = Path.of('spec');
const POLICIES = SPEC.child('stepPolicies');

/**
 * The spec in v1beta1. Total for every spec that the schema of v1alpha1 accepts, so that no stored object can make a list
 * unreadable: a policy that names no container, which admission refuses, becomes a step without an image, which is
 * refused as well. Unknown fields of the spec and of containers stay. Throws ConversionError if a value has the wrong type
 * and no place in v1beta1.
 */
export function toV1beta1Spec(spec: unknown): unknown {
  return isObject(spec) ? convertSpec(spec, fail, ({ steps, policies }) => withUnused(steps, policies.unused())) : spec;
}

/** A spec for validation, and the policies that have no step there. */
export interface SpecForValidation {
  readonly spec: unknown;
  readonly unused: readonly Policy[];
}

/**
 * The spec in v1beta1 for validation. Everything that has no place there is a problem, and left out, so that all problems
 * of an object are found at once: also a policy that names no container, and one that says `when` of a step.
 */
export function toV1beta1SpecForValidation(value: unknown, onProblem: OnProblem): SpecForValidation {
  if (!isObject(value)) return { spec: value, unused: [] };
  let unused: readonly Policy[] = [];
  const spec = convertSpec(withMaxPolicies(value, onProblem), onProblem, ({ steps, policies }) => {
    unused = policies.unused();
    for (const { name, at, isNamed } of unused) if (isNamed && name !== '') onProblem(notFound(at.child('name'), name));
    // A container without a name may have it: it has no name either.
    const nameless = policies.placeOf('');
    if (nameless !== undefined) onProblem(required(nameless.child('name')));
    return mapItems(steps, (step) => withoutWhen(step, policies, onProblem));
  });
  return { spec, unused };
}

/** Bounds the problems. An API server refuses more policies, too, but only after the mutating webhook. */
function withMaxPolicies(spec: Json, onProblem: OnProblem): Json {
  const { stepPolicies } = spec;
  if (!Array.isArray(stepPolicies) || stepPolicies.length <= MAX_POLICIES) return spec;
  onProblem(tooMany(POLICIES, stepPolicies.length, MAX_POLICIES));
  return { ...spec, stepPolicies: stepPolicies.slice(0, MAX_POLICIES) };
}

function withoutWhen(step: unknown, policies: Policies, onProblem: OnProblem): unknown {
  if (!isObject(step) || !Object.hasOwn(step, 'when')) return step;
  const { name, when } = step;
  const at = policies.placeOf(name);
  // Absent and empty say nothing.
  if (isPresent(when) && when !== '' && at !== undefined) {
    onProblem(forbidden(at.child('when'), 'only a container of finally has it'));
  }
  return omit(step, ['when']);
}

interface Converted {
  readonly steps: unknown;
  readonly policies: Policies;
}

function convertSpec(spec: Json, onProblem: OnProblem, finish: (converted: Converted) => unknown): unknown {
  const policies = new Policies(spec['stepPolicies'], onProblem);
  const steps = mapItems(spec['containers'], (container) => stepOf(container, policies));
  const finallySteps = mapItems(spec['finally'], (container) => stepOf(container, policies));
  const { rest: specJob } = takeFromJob(spec['job'], ['backoffLimit']);
  const backoffLimit = Object.hasOwn(spec, 'backoffLimit') ? { backoffLimit: spec['backoffLimit'] } : {};
  const job = addToJob(specJob, backoffLimit, SPEC.child('job'), onProblem);
  return {
    ...present('steps', finish({ steps, policies })),
    ...present('finally', finallySteps),
    ...present('job', job),
    ...Object.fromEntries(Object.entries(spec).filter(([name]) => !MOVED.has(name))),
  };
}

/** The settings of a policy. */
export interface Policy {
  readonly name: string;
  readonly at: Path;
  readonly settings: Json;
  /** Whether its name, which is the first of its kind, could be that of a container. */
  readonly isNamed: boolean;
}

/** The policies of a spec, by the names of their containers. */
class Policies {
  readonly #byName = new Map<string, Policy>();
  readonly #unused = new Set<Policy>();

  constructor(policies: unknown, onProblem: OnProblem) {
    if (policies === undefined || policies === null) return;
    if (!Array.isArray(policies)) {
      onProblem(typeInvalid(POLICIES, policies, ['array']));
      return;
    }
    policies.forEach((policy: unknown, i) => {
      const at = POLICIES.index(i);
      if (isObject(policy)) this.#add(policy, at, onProblem);
      else onProblem(typeInvalid(at, policy, ['object']));
    });
  }

  #add(policy: Json, at: Path, onProblem: OnProblem): void {
    const { name } = policy;
    const isNamed = typeof name === 'string' && !this.#byName.has(name);
    if (!isPresent(name)) onProblem(required(at.child('name')));
    else if (typeof name !== 'string') onProblem(typeInvalid(at.child('name'), name, ['string']));
    else if (!isNamed) onProblem(duplicate(at.child('name'), name));
    const one = { name: isNamed ? name : '', at, settings: settingsOf(policy, at, onProblem), isNamed };
    this.#unused.add(one);
    if (isNamed) this.#byName.set(name, one);
  }

  /** The settings of the first container of this name; undefined if it has none. */
  take(name: unknown): Json | undefined {
    const policy = typeof name === 'string' ? this.#byName.get(name) : undefined;
    return policy !== undefined && this.#unused.delete(policy) ? policy.settings : undefined;
  }

  /** The path of the policy of a name. */
  placeOf(name: unknown): Path | undefined {
    return typeof name === 'string' ? this.#byName.get(name)?.at : undefined;
  }

  /** Those that no container has taken, in order. */
  unused(): readonly Policy[] {
    return [...this.#unused];
  }
}

/** A container of v1alpha1 has none of a step's settings: fields of their names are unknown there, and may not become settings. */
function stepOf(container: unknown, policies: Policies): unknown {
  if (!isObject(container)) return container;
  const own = containerOf(container);
  const settings = policies.take(container['name']);
  return settings === undefined ? own : { ...own, ...settings };
}

const mapItems = (list: unknown, map: (item: unknown) => unknown): unknown =>
  Array.isArray(list) ? list.map(map) : list;

function withUnused(steps: unknown, unused: readonly Policy[]): unknown {
  if (unused.length === 0) return steps;
  if (steps !== undefined && steps !== null && !Array.isArray(steps)) {
    return fail(typeInvalid(SPEC.child('containers'), steps, ['array']));
  }
  const more = unused.map(({ name, settings }) => ({ name, ...settings }));
  return [...((steps ?? []) as readonly unknown[]), ...more];
}

const present = (name: string, value: unknown): Json => (value === undefined ? {} : { [name]: value });
