/** Resource requests and limits (pkg/apis/core/validation/validation.go ValidateContainerResourceRequirements). */
import type { V1Container, V1ResourceRequirements } from '@kubernetes/client-node';
import { forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { qualifiedNameProblems } from './names.ts';
import { isWhole, parseQuantity, type Nano } from './quantity.ts';
import { entries, part, type Untrusted } from './untrusted.ts';

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

type Amounts = ReadonlyMap<string, Amount>;

/** Checks that quantities parse, are not negative, and that no request is above its limit. */
export function resourceFaults(container: Untrusted<V1Container>, at: Path, faults: Faults): void {
  const resources = part<V1ResourceRequirements>(container.resources);
  if (resources === undefined) {
    return;
  }
  const here = at.child('resources');
  const limits = amountsOf(resources.limits, here.child('limits'), faults);
  const requests = amountsOf(resources.requests, here.child('requests'), faults);
  const names = [...limits.keys(), ...requests.keys()];
  if (names.some(isHugePages) && !names.some((name) => name === 'cpu' || name === 'memory')) {
    faults.push(forbidden(here, 'HugePages require cpu or memory'));
  }
  requests.forEach((request, name) => compare({ name, request, limit: limits.get(name) }, here, faults));
}

function amountsOf(value: unknown, at: Path, faults: Faults): Amounts {
  const amounts = new Map<string, Amount>();
  for (const [name, quantity] of entries(value)) {
    for (const problem of nameProblems(name)) {
      faults.push(invalid(at.key(name), name, problem));
    }
    if (typeof quantity === 'string' || typeof quantity === 'number') {
      const amount = amountOf(name, quantity, { at, faults });
      if (amount !== undefined) {
        amounts.set(name, amount);
      }
    }
  }
  return amounts;
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

interface Findings {
  /** The map that the quantity is in. */
  readonly at: Path;
  readonly faults: Faults;
}

function amountOf(name: string, quantity: string | number, { at, faults }: Findings): Amount | undefined {
  const parsed = parseQuantity(quantity);
  if ('problem' in parsed) {
    faults.push(invalid(at.key(name), quantity, parsed.problem));
    return undefined;
  }
  if (parsed.nano < 0n) {
    faults.push(invalid(at.key(name), String(quantity), 'must be greater than or equal to 0'));
    return undefined;
  }
  if (name.includes('/') && !isWhole(parsed.nano)) {
    faults.push(invalid(at.key(name), String(quantity), 'must be an integer'));
    return undefined;
  }
  return { nano: parsed.nano, text: quantity };
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
