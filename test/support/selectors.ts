/** Label and field selectors of lists and watches, as far as the controller uses them: `key`, `key=value`, and both joined by commas. */
import type { Query } from '../../shared/kube/client.ts';
import type { Stored } from './fake-api.ts';

/** Whether a list or a watch with this query has the object. */
export function isSelected(object: Stored, query: Query = {}): boolean {
  const { labels = {} } = object.metadata;
  return (
    requirements(query['labelSelector']).every(([key, value]) =>
      value === undefined ? labels[key] !== undefined : labels[key] === value,
    ) && requirements(query['fieldSelector']).every(([path, value]) => fieldOf(object, path) === value)
  );
}

function requirements(selector: Query[string]): readonly (readonly [string, string | undefined])[] {
  if (selector === undefined) return [];
  return String(selector)
    .split(',')
    .map((one) => {
      const [key = '', value] = one.split('=');
      return [key, value];
    });
}

function fieldOf(object: Stored, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, field) => (value as Record<string, unknown> | undefined)?.[field], object);
}
