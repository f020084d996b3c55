/** Converts a spec of v1alpha1: the policy of a container goes into its step. Pure. */
import { isObject } from '../json/untrusted.ts';
import { duplicate, forbidden, notFound, Path, typeInvalid } from '../validation/field-error.ts';
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
  return isObject(spec) ? convertSpec(spec, fail, ({ steps, unused }) => withUnused(steps, unused)) : spec;
}

/**
 * The spec in v1beta1 for validation. Everything that has no place there is a problem, and left out, so that all problems
 * of an object are found at once: also a policy that names no container, and one that says `when` of a step.
 */
export function toV1beta1SpecForValidation(spec: unknown, onProblem: OnProblem): unknown {
  if (!isObject(spec)) return spec;
  return convertSpec(spec, onProblem, ({ steps, unused }) => {
    for (const { name, at } of unused) onProblem(notFound(at.child('name'), name));
    if (!Array.isArray(steps)) return steps;
    return steps.map((step: unknown) => {
      if (!isObject(step) || !Object.hasOwn(step, 'when')) return step;
      const at = POLICIES.index(indexOfPolicy(spec, step['name'])).child('when');
      onProblem(forbidden(at, 'only a container of finally has it'));
      return omit(step, ['when']);
    });
  });
}

const indexOfPolicy = (spec: Json, name: unknown): number =>
  (spec['stepPolicies'] as readonly Json[]).findIndex((policy) => isObject(policy) && policy['name'] === name);

interface Converted {
  readonly steps: unknown;
  /** The policies that name no container. */
  readonly unused: readonly Policy[];
}

function convertSpec(spec: Json, onProblem: OnProblem, finish: (converted: Converted) => unknown): unknown {
  const policies = new Policies(spec['stepPolicies'], onProblem);
  const steps = mapItems(spec['containers'], (container) => stepOf(container, policies));
  const finallySteps = mapItems(spec['finally'], (container) => stepOf(container, policies));
  const { rest: specJob } = takeFromJob(spec['job'], ['backoffLimit']);
  const backoffLimit = Object.hasOwn(spec, 'backoffLimit') ? { backoffLimit: spec['backoffLimit'] } : {};
  const job = addToJob(specJob, backoffLimit, SPEC.child('job'), onProblem);
  return {
    ...present('steps', finish({ steps, unused: policies.unused() })),
    ...present('finally', finallySteps),
    ...present('job', job),
    ...Object.fromEntries(Object.entries(spec).filter(([name]) => !MOVED.has(name))),
  };
}

interface Policy {
  readonly name: string;
  readonly at: Path;
  readonly settings: Json;
}

/** The policies of a spec, by the names of their containers. */
class Policies {
  readonly #unused = new Map<string, Policy>();

  constructor(policies: unknown, onProblem: OnProblem) {
    if (policies === undefined || policies === null) return;
    if (!Array.isArray(policies)) {
      onProblem(typeInvalid(POLICIES, policies, ['array']));
      return;
    }
    const names = new Set<string>();
    policies.forEach((policy: unknown, i) => {
      const at = POLICIES.index(i);
      if (!isObject(policy)) {
        onProblem(typeInvalid(at, policy, ['object']));
        return;
      }
      const { name } = policy;
      if (typeof name !== 'string') onProblem(typeInvalid(at.child('name'), name, ['string']));
      else if (names.has(name)) onProblem(duplicate(at.child('name'), name));
      else this.#unused.set(name, { name, at, settings: settingsOf(policy, at, onProblem) });
      if (typeof name === 'string') names.add(name);
    });
  }

  /** The settings of the first container of this name. */
  take(name: unknown): Json {
    if (typeof name !== 'string') return {};
    const policy = this.#unused.get(name);
    this.#unused.delete(name);
    return policy?.settings ?? {};
  }

  unused(): readonly Policy[] {
    return [...this.#unused.values()];
  }
}

/** A container of v1alpha1 has none of a step's settings: fields of their names are unknown there, and may not become settings. */
const stepOf = (container: unknown, policies: Policies): unknown =>
  isObject(container) ? { ...containerOf(container), ...policies.take(container['name']) } : container;

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
