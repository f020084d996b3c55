/** Converts a spec of v1alpha1: the policy of a container goes into its step. Pure. */
import { isObject } from '../json/untrusted.ts';
import { ConversionError } from './conversion-error.ts';
import { addToJob, containerOf, type Json, settingsOf, takeFromJob } from './step-settings.ts';

/** The fields that v1beta1 has in another place, and those that v1alpha1 does not have. */
const MOVED = new Set(['containers', 'finally', 'stepPolicies', 'backoffLimit', 'job', 'steps']);

/**
 * The spec in v1beta1. Total for every spec that the schema of v1alpha1 accepts, so that no stored object can make a list
 * unreadable: a policy that names no container, which admission refuses, becomes a step without an image, which is
 * refused as well. Unknown fields of the spec and of containers stay. Throws ConversionError if a value has the wrong type
 * and no place in v1beta1.
 */
export function toV1beta1Spec(spec: unknown): unknown {
  if (!isObject(spec)) return spec;
  const policies = new Policies(spec['stepPolicies']);
  const steps = mapItems(spec['containers'], (container) => stepOf(container, policies));
  const finallySteps = mapItems(spec['finally'], (container) => stepOf(container, policies));
  const { rest: specJob } = takeFromJob(spec['job'], ['backoffLimit']);
  const backoffLimit = Object.hasOwn(spec, 'backoffLimit') ? { backoffLimit: spec['backoffLimit'] } : {};
  const job = addToJob(specJob, backoffLimit, 'spec.job');
  return {
    ...present('steps', withUnnamed(steps, policies.unused())),
    ...present('finally', finallySteps),
    ...present('job', job),
    ...Object.fromEntries(Object.entries(spec).filter(([name]) => !MOVED.has(name))),
  };
}

/** The policies of a spec, by the names of their containers. */
class Policies {
  readonly #unused = new Map<string, Json>();

  constructor(policies: unknown) {
    if (policies === undefined || policies === null) return;
    if (!Array.isArray(policies)) throw new ConversionError('spec.stepPolicies: must be an array');
    policies.forEach((policy: unknown, i) => {
      const path = `spec.stepPolicies[${i}]`;
      if (!isObject(policy)) throw new ConversionError(`${path}: must be an object`);
      const { name } = policy;
      if (typeof name !== 'string') throw new ConversionError(`${path}.name: must be a string`);
      if (this.#unused.has(name)) throw new ConversionError(`${path}.name: Duplicate value: ${JSON.stringify(name)}`);
      this.#unused.set(name, settingsOf(policy, path));
    });
  }

  /** The settings of the first container of this name. */
  take(name: unknown): Json {
    if (typeof name !== 'string') return {};
    const settings = this.#unused.get(name) ?? {};
    this.#unused.delete(name);
    return settings;
  }

  /** The policies that name no container, as steps. */
  unused(): readonly Json[] {
    return Array.from(this.#unused, ([name, settings]) => ({ name, ...settings }));
  }
}

/** A container of v1alpha1 has none of a step's settings: fields of their names are unknown there, and may not become settings. */
const stepOf = (container: unknown, policies: Policies): unknown =>
  isObject(container) ? { ...containerOf(container), ...policies.take(container['name']) } : container;

const mapItems = (list: unknown, map: (item: unknown) => unknown): unknown =>
  Array.isArray(list) ? list.map(map) : list;

function withUnnamed(steps: unknown, unnamed: readonly Json[]): unknown {
  if (unnamed.length === 0) return steps;
  if (steps === undefined || steps === null) return unnamed;
  if (!Array.isArray(steps)) throw new ConversionError('spec.containers: must be an array');
  return [...(steps as readonly unknown[]), ...unnamed];
}

const present = (name: string, value: unknown): Json => (value === undefined ? {} : { [name]: value });
