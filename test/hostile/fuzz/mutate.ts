/** Changes a review in its structure: what is there is dropped, doubled, moved, or becomes something else. */
import { RESOURCE_SCHEMA } from '../../../shared/validation/schema.ts';
import type { Dice } from './dice.ts';
import { instance, specField } from './instance.ts';
import { oddName, oddText, oddValue } from './values.ts';

type Branch = unknown[] | Record<string, unknown>;

/** A value and where it hangs. */
interface Spot {
  readonly parent: Branch;
  readonly key: string;
}

const isBranch = (value: unknown): value is Branch => typeof value === 'object' && value !== null;

/** Also where the key is `__proto__`, which an assignment would not make a property of. */
function put({ parent, key }: Spot, value: unknown): void {
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });
}

const read = ({ parent, key }: Spot): unknown => (parent as Record<string, unknown>)[key];

/** Not above it: the walk ends somewhere in the request more often than at its top. */
const SHALLOWEST = 2;

/** A random way down from the root; undefined where there is nothing below it. */
function spotIn(root: unknown, dice: Dice): Spot | undefined {
  let spot: Spot | undefined;
  let value = root;
  for (let depth = 0; isBranch(value); depth += 1) {
    const keys = Object.keys(value);
    if (keys.length === 0 || (depth > SHALLOWEST && dice.oneIn(5))) break;
    const key: string = depth === 0 && keys.includes('request') && !dice.oneIn(20) ? 'request' : dice.pick(keys);
    spot = { parent: value, key };
    value = read(spot);
  }
  return spot;
}

type Mutation = (spot: Spot, root: unknown, dice: Dice) => void;

const drop: Mutation = ({ parent, key }) => {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
};

const double: Mutation = (spot, _root, dice) => {
  const copy: unknown = structuredClone(read(spot));
  if (Array.isArray(spot.parent)) spot.parent.splice(dice.below(spot.parent.length + 1), 0, copy);
  else put({ parent: spot.parent, key: oddName(dice) }, copy);
};

const move: Mutation = (spot, root, dice) => {
  const other = spotIn(root, dice);
  if (other === undefined) return;
  const [one, two] = [structuredClone(read(spot)), structuredClone(read(other))];
  put(other, one);
  // What was moved into itself has gone with what it was in: nothing is put back then.
  put(spot, two);
};

const replace: Mutation = (spot, _root, dice) => put(spot, oddValue(dice));
const retext: Mutation = (spot, _root, dice) => put(spot, oddText(dice));

const rename: Mutation = ({ parent, key }, _root, dice) => {
  if (Array.isArray(parent)) return;
  const value = parent[key];
  delete parent[key];
  put({ parent, key: oddName(dice) }, value);
};

const wrap: Mutation = (spot, _root, dice) => {
  const value = read(spot);
  put(spot, dice.oneIn(2) ? [value] : { [oddName(dice)]: value });
};

const addKey: Mutation = (spot, _root, dice) => {
  const value = read(spot);
  if (isBranch(value))
    put({ parent: value, key: Array.isArray(value) ? String(value.length) : oddName(dice) }, oddValue(dice));
};

/** A field of the spec, or a whole step, by the schema. */
const fill: Mutation = (_spot, root, dice) => {
  const { request } = root as { readonly request?: { readonly object?: { readonly spec?: unknown } } };
  const spec = request?.object?.spec;
  if (!isBranch(spec) || Array.isArray(spec)) return;
  const [key, value] = specField(dice);
  put({ parent: spec, key }, value);
  const containers = spec['containers'];
  const step = RESOURCE_SCHEMA.properties?.['spec']?.properties?.['containers']?.items;
  if (Array.isArray(containers) && step !== undefined && dice.oneIn(2)) containers.push(instance(step, dice));
};

/** The item, or a new one, many times: around the limits on lists, and once in a while as many as a body holds. */
const multiply: Mutation = (spot, _root, dice) => {
  const value = read(spot);
  const count = dice.oneIn(300)
    ? dice.pick([20_000, 100_000, 190_000])
    : dice.pick([2, 20, 21, 33, 255, 256, 1000, 1001]);
  const item = Array.isArray(value) && value.length > 0 ? value[0] : value;
  // One and the same item: in the text it is many.
  const isSmall = JSON.stringify(item ?? null).length * count < LARGEST;
  if (isSmall)
    put(
      spot,
      Array.from({ length: count }, () => item),
    );
};

/** Of what one mutation adds, in characters: a little above the limit of a body. */
const LARGEST = 7_500_000;

/** By how often they are drawn. `multiply` is dear. */
const MUTATIONS: readonly Mutation[] = [
  drop,
  drop,
  double,
  double,
  move,
  move,
  replace,
  replace,
  replace,
  retext,
  retext,
  retext,
  rename,
  wrap,
  addKey,
  addKey,
  fill,
  fill,
  fill,
];

/** Changes the review in place, in one to four steps. It must be its own: nothing of it may be shared. */
export function mutate(review: unknown, dice: Dice): void {
  for (let steps = 1 + dice.below(4); steps > 0; steps -= 1) {
    const spot = spotIn(review, dice);
    if (spot === undefined) return;
    const mutation = dice.oneIn(120) ? multiply : dice.pick(MUTATIONS);
    mutation(spot, review, dice);
  }
}
