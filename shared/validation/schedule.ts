/** Validation of CronSequentialJobs: their own fields here, their template as the SequentialJob that it becomes. */
import { API_VERSION, CRON, KIND } from '../api/group.ts';
import type { CronSequentialJob, CronSequentialJobSpec, SequentialJobTemplate } from '../api/schedule.ts';
import type { ChildMetadata } from '../api/types.ts';
import { asEntries, asObject, isObject, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { parseSchedule } from '../schedule/calendar.ts';
import { collectErrors, limitErrors, MAX_ERRORS } from './error-limit.ts';
import { type FieldError, type FieldErrors, invalid, Path } from './field-error.ts';
import { validateSequentialJob, type ValidationOptions } from './index.ts';
import { validateReservedKeys } from './labels.ts';
import { mergeErrors } from './merge-errors.ts';
import { validateMetadata } from './metadata.ts';
import { labelValueProblems, metadataKeyProblems } from './names.ts';
import { SCHEDULE_SCHEMA, scheduleSchemaErrors } from './schema.ts';
import { validateLength } from './value-limit.ts';

const SPEC = Path.of('spec');
const TEMPLATE = SPEC.child('sequentialJobTemplate');
const TEMPLATE_SPEC = TEMPLATE.child('spec').toString();

/** As `validateSequentialJob`: accepts any value, never throws, and reports all errors, those of the template last. */
export function validateCronSequentialJob(object: unknown, options: ValidationOptions = {}): readonly FieldError[] {
  const { bytes, maxErrors = MAX_ERRORS } = options;
  const cron = asObject<CronSequentialJob>(object);
  const spec = asObject<CronSequentialJobSpec>(cron?.spec);
  const template = asObject<SequentialJobTemplate>(spec?.sequentialJobTemplate);
  const rules = collectErrors(maxErrors, (errors) => {
    errors.push(...validateLength(cron?.spec, bytes));
    validateMetadata(cron?.metadata, errors, CRON.nameMaxLength);
    validateTimes(spec, errors);
    validateRunMetadata(asObject<ChildMetadata>(template?.metadata), errors);
  });
  const own = mergeErrors(scheduleSchemaErrors(object), rules).toSorted((a, b) => placeOf(a) - placeOf(b));
  return limitErrors([...own, ...templateErrors(template, options)], maxErrors);
}

const FIELDS = Object.keys(SCHEDULE_SCHEMA.properties?.['spec']?.properties ?? {});

/** The place of the error's field among those of the spec; in front of them what is elsewhere. */
const placeOf = ({ field }: FieldError): number => FIELDS.indexOf(/^spec\.(\w+)/.exec(field)?.[1] ?? '');

/** A schedule or a zone of the wrong type, or none, is an error of the schema. */
function validateTimes(spec: Untrusted<CronSequentialJobSpec> | undefined, errors: FieldErrors): void {
  const [schedule, timeZone] = [nonEmptyString(spec?.schedule), nonEmptyString(spec?.timeZone)];
  if (schedule === undefined) return;
  const parsed = parseSchedule(schedule, timeZone);
  if (parsed.ok) return;
  const value = parsed.field === 'schedule' ? schedule : timeZone;
  errors.push(invalid(SPEC.child(parsed.field), value, parsed.message));
}

/** The API server would find them only when a run is created, perhaps in the night. */
function validateRunMetadata(metadata: Untrusted<ChildMetadata> | undefined, errors: FieldErrors): void {
  for (const what of ['labels', 'annotations'] as const) {
    const at = TEMPLATE.child('metadata').child(what);
    validateReservedKeys(metadata?.[what], what, at, errors);
    for (const [key, value] of asEntries(metadata?.[what])) {
      for (const problem of metadataKeyProblems(key)) errors.push(invalid(at, key, problem));
      const problems = what === 'labels' && typeof value === 'string' ? labelValueProblems(value) : [];
      for (const problem of problems) errors.push(invalid(at.key(key), value, problem));
    }
  }
}

function templateErrors(
  template: Untrusted<SequentialJobTemplate> | undefined,
  options: ValidationOptions,
): readonly FieldError[] {
  // Another value is an error of the schedule's own schema.
  if (!isObject(template?.spec)) return [];
  const run = { apiVersion: API_VERSION, kind: KIND, metadata: { name: CRON.singular }, spec: template.spec };
  return validateSequentialJob(run, options).map(errorInTemplate);
}

const errorInTemplate = ({ field, detail, ...rest }: FieldError): FieldError => ({
  ...rest,
  field: inTemplate(field),
  detail: textInTemplate(detail),
});

/** A path of a SequentialJob in the schedule that has it as its template. */
export const inTemplate = (path: string): string => path.replace(/^spec\b/, TEMPLATE_SPEC);

/** `spec.` at the start of a path in a text. */
const FIELD = /(^|[^.\w])spec\./g;

/** The same for all paths in a text. */
export const textInTemplate = (text: string): string =>
  text.replaceAll(FIELD, (_, before: string) => `${before}${TEMPLATE_SPEC}.`);
