/** The formats of `-o` that show objects as the API has them. */
import { escaped } from '../shared/printable-text.ts';
import type { CronSequentialJob } from '../shared/api/schedule.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { API_VERSION, CRON, GROUP, KIND, SINGULAR } from '../shared/api/group.ts';
import type { Terminal } from './terminal.ts';

export const OBJECT_FORMATS = ['json', 'yaml', 'name'] as const;
export type ObjectFormat = (typeof OBJECT_FORMATS)[number];
export const FORMATS = [...OBJECT_FORMATS, 'wide'] as const;
export type Format = (typeof FORMATS)[number];

export const isObjectFormat = (format: string | undefined): format is ObjectFormat =>
  OBJECT_FORMATS.some((one) => one === format);

/** `sequentialjob.batch.example.com/etl`, as kubectl names objects. */
export const qualifiedName = (name: string): string => `${SINGULAR}.${GROUP}/${name}`;

/** As the API has them. */
type Objects = readonly (SequentialJob | CronSequentialJob)[];

/** `sequentialjob.batch.example.com/etl`, by the kind of the object. */
export const qualified = ({ kind, metadata: { name } }: Objects[number]): string =>
  kind === CRON.kind ? `${CRON.singular}.${GROUP}/${name}` : qualifiedName(name);

/** Writes objects as kubectl does: a list as a `List`, without managed fields. */
export async function printObjects(
  objects: Objects,
  { format, isList }: { readonly format: ObjectFormat; readonly isList: boolean },
  terminal: Terminal,
): Promise<void> {
  if (format === 'name') {
    await terminal.write(objects.map((object) => `${qualified(object)}\n`).join(''));
    return;
  }
  const shown = objects.map(withoutManagedFields);
  const value = isList ? { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: shown } : shown[0];
  const text = format === 'json' ? `${JSON.stringify(value, undefined, 4)}\n` : await yamlOf(value);
  // Only a terminal interprets control characters.
  await terminal.write(terminal.isTerminal ? escaped(text) : text);
}

/** The items of a list come without type. */
function withoutManagedFields(object: Objects[number]): object {
  const { managedFields: _, ...metadata } = object.metadata as SequentialJob['metadata'] & { managedFields?: unknown };
  return { ...object, apiVersion: API_VERSION, kind: object.kind === CRON.kind ? CRON.kind : KIND, metadata };
}

async function yamlOf(value: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(value, { lineWidth: 0 });
}
