/** Bodies of reviews: those that the project has written down, changed in structure, values and bytes. */
import * as fc from 'fast-check';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from '../../../config/generate/resource-schema.ts';
import { V1ALPHA1_API_VERSION } from '../../../shared/api/group.ts';
import type { Schema } from '../../../shared/api/schema.ts';
import { roughObject, soundObject } from '../../support/arbitraries.ts';
import { coreCases, specOf } from '../../support/core-cases.ts';
import { mixes } from '../../support/core-mix.ts';
import { goldenAdmissions } from '../../support/golden-admissions.ts';
import { container } from '../../support/objects.ts';
import { admissionReview, written } from '../../support/reviews.ts';
import { scheduleManifest } from '../../support/sequences.ts';
import { ODD, oddName, oddText, oddValue } from './values.ts';

type Branch = Record<string, unknown>;
type Walk = readonly number[];
/** A value by where it hangs. */
type Spot = readonly [Branch, string];

/** The schema of the spec, and its field for the steps. */
const V1BETA1 = { schema: RESOURCE_SCHEMA.properties?.['spec'] ?? {}, steps: 'steps' };
const V1ALPHA1 = { schema: V1ALPHA1_RESOURCE_SCHEMA.properties?.['spec'] ?? {}, steps: 'containers' };
const isBranch = (value: unknown): value is Branch => typeof value === 'object' && value !== null;
const created = (object: unknown): unknown => admissionReview({ object });

/** Also where the key is `__proto__`, which an assignment would not make a property of. */
const put = (parent: Branch, key: string, value: unknown): void =>
  void Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true });

/** A schedule whose runs have this spec. */
const scheduled = (spec: unknown, index: number): object => {
  const schedule = ['30 2 * * *', '@every 90m', '0 0 31 2 *'][index % 3];
  return scheduleManifest('nightly', { schedule, sequentialJobTemplate: { spec } }, { namespace: 'team-a' });
};

function writtenDown(seed: number): readonly string[] {
  const cases = coreCases();
  const bodies = goldenAdmissions().map(({ input: { body } }) => body);
  const specs = [...cases, ...mixes({ good: cases, bad: cases }, 200, seed)].map(specOf);
  const long = { steps: Array.from({ length: 1000 }, (_, i) => container(`step-${i}`)) };
  const objects = [...[...specs, long].map((spec) => written(spec)), ...specs.map(scheduled)];
  const reviews = [...bodies.filter((body) => body !== undefined), ...objects.map(created)];
  return reviews.map((review) => JSON.stringify(review));
}

/** A change of a started sequence, to another one as often as not. Its status may have a start and say nothing else. */
const updated = fc.tuple(roughObject, soundObject, fc.nat(3), fc.nat(3)).map(([rough, sound, index, which]) => {
  const progress = index === 3 ? {} : { progress: { currentIndex: index } };
  const status = { startTime: '2026-11-02T10:00:00Z', ...progress };
  const object = which < 2 ? rough : sound;
  return admissionReview({ operation: 'UPDATE', object, oldObject: { ...(which % 2 === 0 ? rough : sound), status } });
});

/** What a field takes, or something odd. */
function leaf(schema: Schema, n: number, odd: unknown): unknown {
  const { enum: known, type, minimum = 0, 'x-kubernetes-int-or-string': isQuantity = false } = schema;
  if (isQuantity && n % 4 > 0) return ODD.quantities[n % ODD.quantities.length];
  if (n % 2 === 0) return odd;
  if (known !== undefined) return known[n % known.length];
  return type === 'integer' ? minimum + (n % 5) : type === 'boolean' ? n % 4 === 1 : ['a', '1', 'data'][n % 3];
}

/** Sets one field that the schema has, with all that it is in. The walk says which one. */
function fill([parent, key]: Spot, schema: Schema, [n = 0, ...rest]: Walk, odd: unknown): void {
  const { properties = {}, additionalProperties, items } = schema;
  const names = Object.keys(properties);
  const child = items ?? additionalProperties ?? properties[names[n % names.length] ?? ''];
  if (child === undefined) return put(parent, key, leaf(schema, n, odd));
  if (!isBranch(parent[key]) || !Object.hasOwn(parent, key)) put(parent, key, items === undefined ? {} : []);
  const at = items === undefined ? (names[n % names.length] ?? (typeof odd === 'string' ? odd : 'cpu')) : String(n % 2);
  return fill([parent[key] as Branch, at], child, rest, odd);
}

interface Change {
  readonly what: 'fill' | 'drop' | 'put' | 'copy' | 'wrap' | 'add' | 'rename' | 'repeat';
  /** Where it begins: most of what is read is in the spec. */
  readonly from: 'request' | 'object' | 'oldObject' | 'spec' | '';
  readonly walk: Walk;
  readonly other: Walk;
  readonly value: unknown;
  readonly name: string;
  readonly times: number;
}

const walk = fc.array(fc.nat(999), { minLength: 1, maxLength: 10 });
const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom('fill', 'fill', 'fill', 'drop', 'put', 'put', 'put', 'copy', 'wrap', 'add', 'rename', 'repeat'),
  from: fc.constantFrom('request', 'object', 'oldObject', 'spec', 'spec', ''),
  walk,
  other: walk,
  value: fc.oneof(oddValue, oddText),
  name: oddName,
  times: fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(2, 3, 20, 33, 101) },
    { weight: 6, arbitrary: fc.constantFrom(256, 1001) },
    { weight: 1, arbitrary: fc.constantFrom(20_000, 190_000) },
  ),
});

/** Where a walk from here ends: at a value that has nothing below it, or somewhere on the way. */
function spotOf(root: Branch, steps: Walk): Spot | undefined {
  let spot: Spot | undefined;
  let value: unknown = root;
  for (const step of steps) {
    const keys = isBranch(value) ? Object.keys(value) : [];
    const key = keys[step % keys.length];
    if (!isBranch(value) || key === undefined) break;
    spot = [value, key];
    value = value[key];
    if (step % 4 === 0) break;
  }
  return spot;
}

/** Of what one change adds, in characters: a little above the limit of a body. */
const LARGEST = 7_500_000;

function apply(root: Branch, { what, from, walk: steps, other, value, name, times }: Change): void {
  const request = isBranch(root['request']) ? root['request'] : root;
  const object = isBranch(request['object']) ? request['object'] : request;
  const oldObject = isBranch(request['oldObject']) ? request['oldObject'] : request;
  const { spec } = object;
  if (what === 'fill' && isBranch(spec) && !Array.isArray(spec)) {
    const ofSpec = object['apiVersion'] === V1ALPHA1_API_VERSION ? V1ALPHA1 : V1BETA1;
    const field = [ofSpec.steps, 'template', ''][(other[0] ?? 0) % 3] ?? '';
    const schema = ofSpec.schema.properties?.[field];
    return schema === undefined
      ? fill([{ spec }, 'spec'], ofSpec.schema, steps, value)
      : fill([spec, field], schema, steps, value);
  }
  const start = { request, object, oldObject, spec: isBranch(spec) ? spec : object, '': root }[from];
  const [parent, key] = spotOf(start, steps) ?? [root, 'request'];
  const old = parent[key];
  const isList = Array.isArray(parent);
  if (what === 'put') put(parent, key, value);
  else if (what === 'wrap') put(parent, key, times % 2 === 0 ? [old] : { [name]: old });
  else if (what === 'add' && isBranch(old)) put(old, Array.isArray(old) ? String(old.length) : name, value);
  else if (what === 'copy') put(...(spotOf(root, other) ?? [parent, key]), structuredClone(old));
  else if (what === 'repeat' && (JSON.stringify(old)?.length ?? 0) * times < LARGEST) {
    // As many as a body holds have to be small.
    const item: unknown = times > 1001 ? {} : Array.isArray(old) ? old[0] : old;
    put(
      parent,
      key,
      Array.from({ length: times }, (_, i) => (i === 0 ? item : structuredClone(item))),
    );
  } else if (isList && (what === 'drop' || what === 'rename')) parent.splice(Number(key), 1);
  else if (what === 'drop' || what === 'rename') {
    delete parent[key];
    if (what === 'rename') put(parent, name, old);
  }
}

/** What no JSON writer would send: bytes put somewhere, after a colon or a brace, in place of some or of all that follow. */
const BYTES = ['c080', 'e28', 'eda080', 'f4908080', 'ff', 'fe', '80', '00', 'efbbbf', 'f09f99'].map((hex) =>
  Buffer.from(hex, 'hex'),
);
const NESTINGS = ['[', '{"a":', '{"spec":'].flatMap((open) =>
  [100, 5_000, 100_000].map((depth) =>
    Buffer.from(open.repeat(depth) + '1' + (open === '[' ? ']' : '}').repeat(depth)),
  ),
);
const bytes = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...BYTES) },
  {
    weight: 90,
    arbitrary: fc.constantFrom(...ODD.trailers, ...ODD.literals, ...ODD.keys).map((text) => Buffer.from(text)),
  },
  { weight: 10, arbitrary: fc.constantFrom(...NESTINGS) },
);
const splice = fc.record({
  /** In ten-thousandths of the body. */
  at: fc.nat(10_000),
  anchor: fc.constantFrom('', '', ':', ':', '{', '}'),
  drop: fc.constantFrom(0, 0, 0, 1, 'value', 'rest' as const),
  bytes,
});

function spliced(
  body: Buffer,
  { at, anchor, drop, bytes: added }: typeof splice extends fc.Arbitrary<infer T> ? T : never,
): Buffer {
  const start = Math.round((at * body.length) / 10_000);
  const from = anchor === '' ? start : body.indexOf(anchor, start) + 1;
  const next = body.subarray(from).findIndex((byte) => byte === 0x2c || byte === 0x7d);
  const end = drop === 'rest' ? body.length : drop === 'value' ? from + Math.max(0, next) : from + Number(drop);
  return Buffer.concat([body.subarray(0, from), added, body.subarray(end)]);
}

/** Bodies, and what is none; the same for the same seed. */
export function bodies(seed: number): fc.Arbitrary<Buffer> {
  const reviews = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...writtenDown(seed)).map((text) => JSON.parse(text) as unknown) },
    { weight: 1, arbitrary: fc.oneof(roughObject, soundObject).map(created) },
    { weight: 4, arbitrary: updated.map((review) => structuredClone(review)) },
  );
  return fc
    .tuple(
      reviews,
      fc.array(change, { maxLength: 4 }),
      fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(splice, { maxLength: 2 }) }),
      fc.nat(199),
    )
    .map(([review, changes, splices, encoding]) => {
      for (const one of changes) apply(review as Branch, one);
      const body = splices.reduce(spliced, Buffer.from(JSON.stringify(review) ?? ''));
      return encoding < 2 ? Buffer.from(body.toString(), encoding === 0 ? 'utf16le' : 'latin1') : body;
    });
}
