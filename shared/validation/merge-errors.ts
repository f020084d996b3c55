/** One list out of what the schema and what the rules found: each fault once, in the order of the steps. */
import type { FieldError } from './field-error.ts';

const STEP = /^spec\.containers\[(\d+)\]/;

/** The parts of an object, and their places in the report. A field belongs to the last that it is in. */
const SECTIONS = [
  ['', 0],
  ['metadata', 1],
  ['spec', 4],
  ['spec.containers', 2],
  ['spec.template', 3],
  ['spec.stepPolicies', 5],
  ['status', 6],
] as const;

interface Ranked {
  readonly error: FieldError;
  readonly section: number;
  readonly step: number;
}

function rank(error: FieldError): Ranked {
  const { field } = error;
  const [, section] = SECTIONS.findLast(([name]) => field === name || isBelow(field, name)) ?? SECTIONS[0];
  return { error, section, step: Number(STEP.exec(field)?.[1] ?? -1) };
}

const isBelow = (field: string, section: string): boolean =>
  section !== '' && field.startsWith(section) && '.['.includes(field.charAt(section.length));

/** Whether `field` or something that it is a part of is in `fields`. */
function isWithin(field: string, fields: ReadonlySet<string>): boolean {
  if (fields.size === 0) {
    return false;
  }
  for (
    let end = field.length;
    end > 0;
    end = Math.max(field.lastIndexOf('.', end - 1), field.lastIndexOf('[', end - 1))
  ) {
    if (fields.has(field.slice(0, end))) {
      return true;
    }
  }
  return fields.has('');
}

/** The types of fault that leave the rules nothing to read. */
const BLINDING: ReadonlySet<string> = new Set(['FieldValueTypeInvalid', 'FieldValueRequired']);

/**
 * Merges the two. Where a value is missing or has the wrong type, what the rules say of it or of anything in it is
 * dropped, as they read it as absent; where both say something else of one field, the rule is kept: its words say more.
 */
export function mergeFaults(
  fromSchema: readonly FieldError[],
  fromRules: readonly FieldError[],
): readonly FieldError[] {
  if (fromSchema.length === 0) {
    return fromRules;
  }
  const blind = new Set(fromSchema.flatMap(({ type, field }) => (BLINDING.has(type) ? [field] : [])));
  const rules = fromRules.filter(({ field }) => !isWithin(field, blind));
  const said = new Set(rules.map(({ field }) => field));
  const schema = fromSchema.filter(({ type, field }) => BLINDING.has(type) || !said.has(field));
  return [...schema, ...rules]
    .map(rank)
    .sort((a, b) => a.section - b.section || a.step - b.step)
    .map(({ error }) => error);
}
