/** Resource requests and limits (pkg/apis/core/validation/validation.go ValidateContainerResourceRequirements). */
import type { V1Container, V1ResourceRequirements } from '@kubernetes/client-node';
import { forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { qualifiedNameProblems } from './names.ts';
import { isWhole, parseQuantity, type Nano } from './quantity.ts';
import { part, type Untrusted } from './untrusted.ts';

const STANDARD: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);

const FINE: readonly string[] = [];

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

/** Resources that may be promised beyond what a node has; of the others, request and limit are equal. */
const mayOvercommit = (name: string): boolean => STANDARD.has(name);

interface Amount {
  readonly nano: Nano;
  /** As it was written. */
  readonly text: string | number;
}

/** As JSON has them: what is in them nobody has looked at. */
type Quantities = Readonly<Record<string, unknown>>;

const NONE: Quantities = Object.freeze({});

/** Checks that quantities parse, are not negative, and that no request is above its limit. */
export function resourceFaults(container: Untrusted<V1Container>, at: Path, faults: Faults): void {
  const resources = part<V1ResourceRequirements>(container.resources);
  if (resources === undefined) {
    return;
  }
  const here = at.child('resources');
  const limits = part<Quantities>(resources.limits) ?? NONE;
  const requests = part<Quantities>(resources.requests) ?? NONE;
  quantityFaults(limits, here.child('limits'), faults);
  quantityFaults(requests, here.child('requests'), faults);
  hugePagesFaults([limits, requests], here, faults);
  for (const name of Object.keys(requests)) {
    const request = soundAmountOf(requests, name);
    if (request !== undefined) compare({ name, request, limit: soundAmountOf(limits, name) }, here, faults);
  }
}

function nameProblems(name: string): readonly string[] {
  if (STANDARD.has(name)) {
    return FINE;
  }
  if (isHugePages(name)) {
    return qualifiedNameProblems(name);
  }
  if (name.startsWith('requests.') && name.includes('/')) {
    return ["doesn't follow extended resource name standard"];
  }
  return name.includes('/') ? qualifiedNameProblems(name) : ['must be a standard resource for containers'];
}

function quantityFaults(quantities: Quantities, at: Path, faults: Faults): void {
  for (const name of Object.keys(quantities)) {
    for (const problem of nameProblems(name)) {
      faults.push(invalid(at.key(name), name, problem));
    }
    const amount = amountOf(quantities, name);
    if (amount !== undefined && 'problem' in amount) {
      faults.push(invalid(at.key(name), amount.text, amount.problem));
    }
  }
}

/** Huge pages alone start nothing. What is no amount counts for neither. */
function hugePagesFaults(all: readonly Quantities[], at: Path, faults: Faults): void {
  const has = (is: (name: string) => boolean): boolean =>
    all.some((quantities) =>
      Object.keys(quantities).some((name) => is(name) && soundAmountOf(quantities, name) !== undefined),
    );
  if (has(isHugePages) && !has((name) => name === 'cpu' || name === 'memory')) {
    faults.push(forbidden(at, 'HugePages require cpu or memory'));
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
  if (parsed.nano < 0n) {
    return { problem: 'must be greater than or equal to 0', text: String(text) };
  }
  return name.includes('/') && !isWhole(parsed.nano)
    ? { problem: 'must be an integer', text: String(text) }
    : { nano: parsed.nano, text };
}

function soundAmountOf(quantities: Quantities, name: string): Amount | undefined {
  const amount = amountOf(quantities, name);
  return amount === undefined || 'problem' in amount ? undefined : amount;
}

interface Pair {
  readonly name: string;
  readonly request: Amount;
  readonly limit: Amount | undefined;
}

function compare({ name, request, limit }: Pair, at: Path, faults: Faults): void {
  if (limit === undefined) {
    if (!mayOvercommit(name)) {
      faults.push(required(at.child('limits'), 'Limit must be set for non overcommitable resources'));
    }
  } else if (request.nano > limit.nano && mayOvercommit(name)) {
    const detail = `must be less than or equal to ${name} limit of ${limit.text}`;
    faults.push(invalid(at.child('requests'), String(request.text), detail));
  } else if (request.nano !== limit.nano && !mayOvercommit(name)) {
    faults.push(invalid(at.child('requests'), String(request.text), `must be equal to ${name} limit of ${limit.text}`));
  }
}
