/** Objects that the resource's own schema describes, with fields left out at will and now and then an odd value in place. */
import type { Schema } from '../../../shared/api/schema.ts';
import { RESOURCE_SCHEMA } from '../../../shared/validation/schema.ts';
import type { Dice } from './dice.ts';
import { oddName, oddText, oddValue } from './values.ts';

const DEEPEST = 12;
/** One optional field in so many is set: enough to reach all of them, few enough for small objects. */
const RARITY = 9;

/** A value that the schema takes, mostly. */
export function instance(schema: Schema, dice: Dice, depth = 0): unknown {
  if (dice.oneIn(60)) return oddValue(dice);
  if (schema.enum !== undefined) return dice.pick(schema.enum);
  if (schema.properties !== undefined) return objectOf(schema, dice, depth);
  if (schema.additionalProperties !== undefined)
    return { [oddName(dice)]: instance(schema.additionalProperties, dice, depth + 1) };
  if (schema.items !== undefined) {
    const { items } = schema;
    return Array.from({ length: dice.below(3) + (schema.minItems ?? 0) }, () => instance(items, dice, depth + 1));
  }
  if (schema['x-kubernetes-int-or-string'] === true) return dice.pick(['1', '500m', '1Gi', 2, 8080, 'http']);
  if (schema.format === 'date-time') return '2026-11-02T10:00:00Z';
  return plain(schema, dice);
}

function plain({ type, minimum = 0 }: Schema, dice: Dice): unknown {
  if (type === 'integer') return minimum + dice.below(5);
  if (type === 'boolean') return dice.oneIn(2);
  return dice.oneIn(2) ? dice.pick(['a', 'data', 'etl', 'load', 'a.b/c']) : oddText(dice);
}

function objectOf({ properties = {}, required = [] }: Schema, dice: Dice, depth: number): unknown {
  const isTooDeep = depth > DEEPEST;
  const chosen = Object.entries(properties).filter(
    ([name]) => required.includes(name) || (!isTooDeep && dice.oneIn(RARITY)),
  );
  return Object.fromEntries(chosen.map(([name, child]) => [name, instance(child, dice, depth + 1)]));
}

/** A place in the spec that the schema knows, and a value for it. */
export function specField(dice: Dice): readonly [name: string, value: unknown] {
  const fields = Object.entries(RESOURCE_SCHEMA.properties?.['spec']?.properties ?? {});
  const [name, schema] = dice.pick(fields);
  return [name, instance(schema, dice)];
}

export const anySpec = (dice: Dice): unknown => instance(RESOURCE_SCHEMA.properties?.['spec'] ?? {}, dice);
