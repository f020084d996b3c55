/** Converts a spec of v1beta1: the settings of a step go into a policy with its name. Pure. */
import { isObject } from '../json/untrusted.ts';
import { Path, typeInvalid } from '../validation/field-error.ts';
import { fail } from './conversion-error.ts';
import { containerOf, type Json, policyOf, takeFromJob } from './step-settings.ts';

/** The fields that v1alpha1 has in another place, and those that v1beta1 does not have. */
const MOVED = new Set(['steps', 'finally', 'job', 'containers', 'stepPolicies', 'backoffLimit']);

/**
 * The spec in v1alpha1. Total for every spec that the schema of v1beta1 accepts. The policies are in the order of the steps.
 * Unknown fields of the spec and of steps stay. Throws ConversionError if a step has settings, and no name to refer to.
 */
export function toV1alpha1Spec(spec: unknown): unknown {
  if (!isObject(spec)) return spec;
  const { steps, finally: finallySteps } = spec;
  const { taken, rest } = takeFromJob(spec['job'], ['backoffLimit']);
  const stepPolicies = [...policiesOf(steps, 'steps'), ...policiesOf(finallySteps, 'finally')];
  return {
    ...(steps === undefined ? {} : { containers: containersOf(steps) }),
    ...(finallySteps === undefined ? {} : { finally: containersOf(finallySteps) }),
    ...taken,
    ...(rest === undefined ? {} : { job: rest }),
    ...Object.fromEntries(Object.entries(spec).filter(([name]) => !MOVED.has(name))),
    // The API server sets this default when it reads an object of v1alpha1, and does not when one is converted.
    stepPolicies,
  };
}

const containersOf = (steps: unknown): unknown =>
  Array.isArray(steps) ? steps.map((step: unknown) => (isObject(step) ? containerOf(step) : step)) : steps;

function policiesOf(steps: unknown, field: string): readonly Json[] {
  if (!Array.isArray(steps)) return [];
  return steps.flatMap((step: unknown, i) => {
    const policy = isObject(step) ? policyOf(step) : undefined;
    if (policy === undefined) return [];
    const { name } = step as Json;
    if (typeof name !== 'string')
      fail(typeInvalid(Path.of('spec').child(field).index(i).child('name'), name, ['string']));
    return [{ name, ...policy }];
  });
}
