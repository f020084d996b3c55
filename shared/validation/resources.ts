/** Resource requests and limits (pkg/apis/core/validation/validation.go ValidateContainerResourceRequirements). */
import type { V1Container, V1ResourceRequirements } from '@kubernetes/client-node';
import { invalid, type FieldErrors, type Path } from './field-error.ts';
import { parseQuantity, type Nano } from './quantity.ts';
import { asObject, type Untrusted } from '../json/untrusted.ts';

interface Amount {
  readonly nano: Nano;
  /** As written in the object. */
  readonly text: string | number;
}

/** Untrusted values by resource name. */
type Quantities = Readonly<Record<string, unknown>>;

const NONE: Quantities = Object.freeze({});

/** Checks that quantities are valid and not negative, and that no request exceeds its limit. */
export function validateResources(container: Untrusted<V1Container>, at: Path, errors: FieldErrors): void {
  const resources = asObject<V1ResourceRequirements>(container.resources);
  if (resources === undefined) {
    return;
  }
  const here = at.child('resources');
  const limits = asObject<Quantities>(resources.limits) ?? NONE;
  const requests = asObject<Quantities>(resources.requests) ?? NONE;
  validateQuantities(limits, here.child('limits'), errors);
  validateQuantities(requests, here.child('requests'), errors);
  for (const name of Object.keys(requests)) {
    const [request, limit] = [validAmountOf(requests, name), validAmountOf(limits, name)];
    if (request !== undefined && limit !== undefined && request.nano > limit.nano) {
      const detail = `must be less than or equal to ${name} limit of ${limit.text}`;
      errors.push(invalid(here.child('requests'), String(request.text), detail));
    }
  }
}

function validateQuantities(quantities: Quantities, at: Path, errors: FieldErrors): void {
  for (const name of Object.keys(quantities)) {
    const amount = amountOf(quantities, name);
    if (amount !== undefined && 'problem' in amount) {
      errors.push(invalid(at.key(name), amount.text, amount.problem));
    }
  }
}

interface NoAmount {
  readonly problem: string;
  /** As the error shows it. */
  readonly text: string | number;
}

/** The parsed quantity of a resource; undefined if it is absent, or of a type that the schema refuses. */
function amountOf(quantities: Quantities, name: string): Amount | NoAmount | undefined {
  // An inherited property, such as `constructor`, is neither a string nor a number.
  const text = quantities[name];
  if (typeof text !== 'string' && typeof text !== 'number') {
    return undefined;
  }
  const parsed = parseQuantity(text);
  if ('problem' in parsed) {
    return { problem: parsed.problem, text };
  }
  return parsed.nano < 0n
    ? { problem: 'must be greater than or equal to 0', text: String(text) }
    : { nano: parsed.nano, text };
}

function validAmountOf(quantities: Quantities, name: string): Amount | undefined {
  const amount = amountOf(quantities, name);
  return amount === undefined || 'problem' in amount ? undefined : amount;
}
