/** Merges the errors of the schema and of the rules: without duplicates, in the order of the steps. */
import type { FieldError } from './field-error.ts';

const STEP = /^spec\.(?:steps|finally)\[(\d+)\]/;

/** The parts of an object with their rank in the report. The last matching one applies to a field. */
const SECTIONS = [
  ['', 0],
  ['metadata', 1],
  ['spec', 5],
  ['spec.steps', 2],
  ['spec.finally', 3],
  ['spec.template', 4],
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

/** Whether `fields` contains the field or one of its parents. */
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

/** Error types after which the rules cannot read the value. */
const UNREADABLE: ReadonlySet<string> = new Set(['FieldValueTypeInvalid', 'FieldValueRequired']);

/**
 * Merges the two lists. If a value is missing or has the wrong type, errors of the rules in it are dropped, because
 * the rules treat it as absent. If both report other errors for one field, only that of the rule is kept: it is more
 * specific.
 */
export function mergeErrors(
  fromSchema: readonly FieldError[],
  fromRules: readonly FieldError[],
): readonly FieldError[] {
  if (fromSchema.length === 0) {
    return fromRules;
  }
  const unreadable = new Set(fromSchema.flatMap(({ type, field }) => (UNREADABLE.has(type) ? [field] : [])));
  const rules = fromRules.filter(({ field }) => !isWithin(field, unreadable));
  const reportedFields = new Set(rules.map(({ field }) => field));
  const schema = fromSchema.filter(({ type, field }) => UNREADABLE.has(type) || !reportedFields.has(field));
  return [...schema, ...rules]
    .map(rank)
    .sort((a, b) => a.section - b.section || a.step - b.step)
    .map(({ error }) => error);
}
