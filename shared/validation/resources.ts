/** Resource requests and limits (pkg/apis/core/validation/validation.go ValidateContainerResourceRequirements). */
import type { V1Container, V1ResourceRequirements } from '@kubernetes/client-node';
import { invalid, type FieldErrors, type Path } from './field-error.ts';
import { parseQuantity, type Nano } from './quantity.ts';
import { asObject, type Untrusted } from '../json/untrusted.ts';

interface Amount {
  readonly nano: Nano;
  /** As it was written. */
  readonly text: string | number;
}

/** As JSON has them: what is in them nobody has looked at. */
type Quantities = Readonly<Record<string, unknown>>;

const NONE: Quantities = Object.freeze({});

/** Checks that quantities parse, are not negative, and that no request is above its limit. */
export function resourceFaults(container: Untrusted<V1Container>, at: Path, faults: FieldErrors): void {
  const resources = asObject<V1ResourceRequirements>(container.resources);
  if (resources === undefined) {
    return;
  }
  const here = at.child('resources');
  const limits = asObject<Quantities>(resources.limits) ?? NONE;
  const requests = asObject<Quantities>(resources.requests) ?? NONE;
  quantityFaults(limits, here.child('limits'), faults);
  quantityFaults(requests, here.child('requests'), faults);
  for (const name of Object.keys(requests)) {
    const [request, limit] = [soundAmountOf(requests, name), soundAmountOf(limits, name)];
    if (request !== undefined && limit !== undefined && request.nano > limit.nano) {
      const detail = `must be less than or equal to ${name} limit of ${limit.text}`;
      faults.push(invalid(here.child('requests'), String(request.text), detail));
    }
  }
}

function quantityFaults(quantities: Quantities, at: Path, faults: FieldErrors): void {
  for (const name of Object.keys(quantities)) {
    const amount = amountOf(quantities, name);
    if (amount !== undefined && 'problem' in amount) {
      faults.push(invalid(at.key(name), amount.text, amount.problem));
    }
  }
}

interface NoAmount {
  readonly problem: string;
  /** As a fault shows it. */
  readonly text: string | number;
}

/** What a resource's quantity says; undefined where it is not there, or of a type that the schema refuses. */
function amountOf(quantities: Quantities, name: string): Amount | NoAmount | undefined {
  // What every object inherits is neither.
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

function soundAmountOf(quantities: Quantities, name: string): Amount | undefined {
  const amount = amountOf(quantities, name);
  return amount === undefined || 'problem' in amount ? undefined : amount;
}
