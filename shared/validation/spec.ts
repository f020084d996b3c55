/** Validates the spec: the rules in the order of the report. */
import type { V1Container } from '@kubernetes/client-node';
import { MAX_STEPS } from '../api/group.ts';
import type { SequentialJobSpec } from '../api/types.ts';
import { validateContainer } from './containers.ts';
import { duplicate, Path, required, tooMany, type FieldErrors } from './field-error.ts';
import { validateStepPolicies } from './step-policies.ts';
import { validateTemplate, viewTemplate } from './template.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

const SPEC = Path.of('spec');

/** Validates a spec by the rules that a schema cannot express: the steps in order, the template, the step policies. */
export function validateSpecRules(value: unknown, errors: FieldErrors): void {
  const spec = asObject<SequentialJobSpec>(value) ?? {};
  const template = viewTemplate(spec.template);
  const steps = validateSteps(spec, template.volumeNames, errors);
  validateTemplate(template, steps, SPEC.child('template'), errors);
  validateStepPolicies(spec, { steps, template }, SPEC, errors);
}

/** Validates the containers, and returns the names of the steps. */
function validateSteps(
  spec: Untrusted<SequentialJobSpec>,
  volumes: ReadonlySet<string>,
  errors: FieldErrors,
): ReadonlySet<string> {
  const at = SPEC.child('containers');
  const containers = asObjects<V1Container>(spec.containers);
  if (containers.length === 0) {
    errors.push(required(at));
  } else if (containers.length > MAX_STEPS) {
    errors.push(tooMany(at, containers.length, MAX_STEPS));
  }
  const names = new Set<string>();
  containers.slice(0, MAX_STEPS).forEach((container, i) => {
    const here = at.index(i);
    const name = nonEmptyString(container.name);
    if (name !== undefined && names.has(name)) {
      errors.push(duplicate(here.child('name'), name));
    } else if (name !== undefined) {
      names.add(name);
    }
    validateContainer(container, volumes, here, errors);
  });
  return names;
}
