/** The spec as a whole: the rules in the order in which their faults are reported. */
import type { V1Container } from '@kubernetes/client-node';
import { MAX_STEPS } from '../api/group.ts';
import type { SequentialJobSpec } from '../api/types.ts';
import { containerFaults } from './containers.ts';
import { duplicate, Path, required, tooMany, type FieldErrors } from './field-error.ts';
import { stepPolicyFaults } from './step-policies.ts';
import { templateFaults, viewTemplate } from './template.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

const SPEC = Path.of('spec');

/** Checks a spec by the rules that a schema can't express: steps in order, then the template, then the step policies. */
export function specFaults(value: unknown, faults: FieldErrors): void {
  const spec = asObject<SequentialJobSpec>(value) ?? {};
  const template = viewTemplate(spec.template);
  const steps = stepsFaults(spec, template.volumeNames, faults);
  templateFaults(template, steps, SPEC.child('template'), faults);
  stepPolicyFaults(spec, { steps, template }, SPEC, faults);
}

/** Checks the containers, and gives the names of the steps. */
function stepsFaults(
  spec: Untrusted<SequentialJobSpec>,
  volumes: ReadonlySet<string>,
  faults: FieldErrors,
): ReadonlySet<string> {
  const at = SPEC.child('containers');
  const containers = asObjects<V1Container>(spec.containers);
  if (containers.length === 0) {
    faults.push(required(at));
  } else if (containers.length > MAX_STEPS) {
    faults.push(tooMany(at, containers.length, MAX_STEPS));
  }
  const names = new Set<string>();
  containers.slice(0, MAX_STEPS).forEach((container, i) => {
    const here = at.index(i);
    const name = nonEmptyString(container.name);
    if (name !== undefined && names.has(name)) {
      faults.push(duplicate(here.child('name'), name));
    } else if (name !== undefined) {
      names.add(name);
    }
    containerFaults(container, volumes, here, faults);
  });
  return names;
}
