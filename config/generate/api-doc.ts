/** docs/api.md: every field of the two resources, from the schemas. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { convertDocument } from '../../cli/convert-document.ts';
import { readYaml } from '../../cli/yaml.ts';
import { CRON, GROUP, V1ALPHA1, V1ALPHA1_API_VERSION, VERSION } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { MUTABLE_FIELDS } from '../../shared/validation/update.ts';
import { API_PARTS, type ApiPart, EDITORS, INTRODUCTION, SCHEDULE_INTRODUCTION } from './api-parts.ts';
import { descriptionsOf, modelAt } from './core-fields.ts';
import { propertiesOf } from './core-models.ts';
import { kindOf, type PartNames, typeOf } from './field-type.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from './resource-schema.ts';
import { SCHEDULE_SCHEMA_PART } from './schedule-schema.ts';

const EXAMPLE = join(import.meta.dirname, 'api-example.yaml');
const SCHEDULE_EXAMPLE = join(import.meta.dirname, '../samples/nightly.yaml');

/** The same object as YAML in the two versions. */
export function examples(): Readonly<Record<string, string>> {
  const text = readFileSync(EXAMPLE, 'utf8');
  const [document] = readYaml(text);
  if (document === undefined) throw new Error(`${EXAMPLE} is empty`);
  convertDocument(document, document.toJS(), V1ALPHA1_API_VERSION);
  return { [VERSION]: text, [V1ALPHA1]: document.toString({ lineWidth: 0 }) };
}

/** The paths of the fields that came with v1beta1, in both versions; the first v1alpha1 had what the others say. */
const SINCE_V1BETA1 = [
  /\.finally$/,
  /\.when$/,
  /\.pod(?:\.\w+)?$/,
  /\.volumeClaimTemplates(?:\.\w+)*$/,
  /\.job\.(?:metadata|pendingDeadlineSeconds)$/,
  /\.spec\.job\.(?:activeDeadlineSeconds|podFailurePolicy)$/,
  /\.stepPolicies\.job$/,
  /\.spec\.job$/,
];

const since = (path: string): string => (SINCE_V1BETA1.some((one) => one.test(path)) ? VERSION : V1ALPHA1);

const LATER_STEPS = 'with `FutureSteps`, after the current step';

/** Fields of `spec` that may change with FutureSteps. */
const WITH_FUTURE_STEPS: Readonly<Record<string, string>> = {
  steps: LATER_STEPS,
  containers: LATER_STEPS,
  stepPolicies: 'with `FutureSteps`, of the steps after the current one',
  finally: 'with `FutureSteps`',
};

/** Whether a field of `spec` may change after the start of the sequence, in words. */
export function changeOf(name: string): string {
  if (name === 'resume') return 'yes, upwards, when the sequence has failed';
  return MUTABLE_FIELDS.has(name) ? 'yes' : (WITH_FUTURE_STEPS[name] ?? 'no');
}

/** Descriptions of fields whose schema has none. */
const UNDESCRIBED: Readonly<Record<string, string>> = {
  '.spec.volumeClaimTemplates.metadata':
    'The name of the template, by which steps mount the claim; labels and annotations of the claim.',
  '.spec.volumeClaimTemplates.spec': 'The spec of the claim.',
};

/** The first sentence of Kubernetes' own description. */
function coreDescription(model: string | undefined, name: string): string | undefined {
  if (model === undefined || !propertiesOf(model).some((property) => property.name === name)) return undefined;
  const { fields } = descriptionsOf(model);
  const sentence = /^.*?\.(?= |$)/.exec(fields.get(name) ?? '')?.[0];
  return sentence ?? `As in a ${kindOf(model)}.`;
}

function descriptionOf(schema: Schema, parent: string, name: string): string {
  const path = `${parent}.${name}`;
  const text = schema.description ?? UNDESCRIBED[path] ?? coreDescription(modelAt(parent), name);
  if (text === undefined) throw new Error(`no description of ${path}`);
  return text;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/<(\w+)>/g, '`<$1>`');

/** Defaults that the schema does not set, because an absent value and a default one mean the same. */
const UNWRITTEN: Readonly<Record<string, string>> = { onFailure: '`Stop`', when: '`Always`' };

function defaultOf(name: string, { default: value }: Schema, isRequired: boolean): string {
  if (value !== undefined) return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  return isRequired ? 'required' : (UNWRITTEN[name] ?? '');
}

function schemaAt(root: Schema, path: string): Schema {
  const found = path
    .split('.')
    .slice(1)
    .reduce<Schema | undefined>((schema, name) => (schema?.items ?? schema)?.properties?.[name], root);
  const schema = found?.items ?? found;
  if (schema === undefined) throw new Error(`the schema has no ${path}`);
  return schema;
}

/** The fields of a part that have rows: those of a Container stand in Kubernetes' reference. */
function fieldsOf({ properties = {} }: Schema, path: string): readonly (readonly [string, Schema])[] {
  const isContainer = modelAt(path) === 'V1Container';
  const core = new Set(isContainer ? propertiesOf('V1Container').map(({ name }) => name) : []);
  return Object.entries(properties).filter(([name]) => !core.has(name));
}

/** The columns between those that every table has. Of a CronSequentialJob, every field is of v1beta1 and may change. */
interface Columns {
  readonly headings: (path: string) => readonly string[];
  readonly cells: (path: string, field: string) => readonly string[];
}

const SEQUENTIAL_JOB: Columns = {
  headings: (path) => ['since', ...(path === '.spec' ? ['may change after the start'] : [])],
  cells: (path, field) => [since(`${path}.${field}`), ...(path === '.spec' ? [changeOf(field)] : [])],
};
const SCHEDULE: Columns = { headings: () => [], cells: () => [] };

interface Page {
  readonly root: Schema;
  readonly parts: PartNames;
  readonly columns: Columns;
}

function renderPart({ name, path, text }: ApiPart, { root, parts, columns }: Page): string {
  const schema = schemaAt(root, path);
  const required = new Set(schema.required);
  const rows = fieldsOf(schema, path).map(([field, child]) => {
    const own = `${path}.${field}`;
    const cells = [
      `\`${field}\``,
      typeOf(child, own, parts),
      defaultOf(field, child, required.has(field)),
      ...columns.cells(path, field),
      cell(descriptionOf(child, path, field)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const head = ['field', 'type', 'default', ...columns.headings(path), 'meaning'];
  return `### ${name}

${text}

| ${head.join(' | ')} |
|${head.map(() => '---').join('|')}|
${rows.join('\n')}
`;
}

const yaml = (text: string | undefined): string => `\`\`\`yaml\n${(text ?? '').trimEnd()}\n\`\`\`\n`;

/** The whole page. */
export function renderApiDoc(): string {
  const example = examples();
  const parts = (version: keyof typeof API_PARTS, root: Schema, columns = SEQUENTIAL_JOB): string => {
    const known = version === 'schedule' ? API_PARTS.schedule : [...API_PARTS.common, ...API_PARTS[version]];
    const names = new Map(
      known.flatMap(({ name, path, also = [] }) => [path, ...also].map((one) => [one, name] as const)),
    );
    // The spec of a run is that of the first part of the page.
    if (version === 'schedule') names.set('.spec.sequentialJobTemplate.spec', API_PARTS.v1beta1[0]?.name ?? '');
    return API_PARTS[version].map((part) => renderPart(part, { root, parts: names, columns })).join('\n');
  };
  return `<!-- Written by \`make generate\` from config/generate/api-doc.ts and the schemas. Do not edit. -->

# API reference

${INTRODUCTION}
## ${VERSION}

\`${GROUP}/${VERSION}\` is the version to use. An example with most of its fields:

${yaml(example[VERSION])}
${parts('v1beta1', RESOURCE_SCHEMA)}
## ${V1ALPHA1}

\`${GROUP}/${V1ALPHA1}\` is deprecated and stays served. The same object:

${yaml(example[V1ALPHA1])}
${parts('v1alpha1', V1ALPHA1_RESOURCE_SCHEMA)}
## Parts of both versions

${parts('common', RESOURCE_SCHEMA)}
## ${CRON.kind}

${SCHEDULE_INTRODUCTION}
${yaml(readFileSync(SCHEDULE_EXAMPLE, 'utf8'))}
${parts('schedule', SCHEDULE_SCHEMA_PART, SCHEDULE)}
${EDITORS}`;
}
