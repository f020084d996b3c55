/** What the program sends for one sequence, so that the floor can send the same for any other. */
import { statusPatch } from '../../controller/status-patch.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { collectionPath, EVENTS } from '../../shared/kube/resources.ts';
import { type Field, STEPS } from './field.ts';
import type { RawClient } from './raw-client.ts';

/** Bodies as JSON, with placeholders; by the number of the step that begins, the end being the last. */
export interface Recording {
  readonly jobs: readonly string[];
  readonly statuses: readonly string[];
  readonly events: readonly (readonly string[])[];
}

/** What the floor puts its own in for: a sequence's name, the version of the object that a patch is guarded by, a number. */
export const PLACEHOLDER = { name: '@name@', version: '@version@', serial: '@serial@' } as const;

interface RawEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

/** Runs one sequence through the program, in `namespace`; the floor is to send to the namespace `to`. */
export async function record(raw: RawClient, field: Field, { namespace, to }: Places): Promise<Recording> {
  field.keepsHistory = true;
  await field.run({ sequences: 1, inFlight: 1 });
  field.keepsHistory = false;
  const states = field.history as unknown as readonly SequentialJob[];
  const [first] = states;
  if (first === undefined) throw new Error('the sequence was not seen');
  const { name } = first.metadata;
  const anyones = (body: unknown): string =>
    JSON.stringify(body).replaceAll(name, PLACEHOLDER.name).replaceAll(namespace, to);
  const statuses = states.slice(1).map((after, i) => {
    const before = states[i] ?? first;
    const patch = after.status === undefined ? [] : (statusPatch(before, after.status) ?? []);
    return anyones(patch).replace(`"${before.metadata.resourceVersion}"`, `"${PLACEHOLDER.version}"`);
  });
  const events = await eventsOf(raw, namespace, statuses.length);
  return {
    jobs: Array.from({ length: STEPS }, (_, index) => anyones(buildJob(first, index, 0))),
    statuses,
    events: events.map((group) => group.map((event) => anyones(event).replace(name, name))),
  };
}

interface Places {
  readonly namespace: string;
  readonly to: string;
}

const EVENTS_MS = 5_000;

/** In the order of their names, which begin with the time: two for each status write. */
async function eventsOf(raw: RawClient, namespace: string, writes: number): Promise<readonly (readonly unknown[])[]> {
  const limit = performance.now() + EVENTS_MS;
  for (;;) {
    const text = await raw.send({ method: 'GET', path: collectionPath(EVENTS, namespace) });
    const { items } = JSON.parse(text) as { readonly items: readonly RawEvent[] };
    if (items.length === 2 * writes) {
      const bodies = items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).map(anonymous);
      return Array.from({ length: writes }, (_, i) => bodies.slice(2 * i, 2 * i + 2));
    }
    if (performance.now() > limit) throw new Error(`${items.length} Events for ${writes} status writes`);
  }
}

/** As it was sent. */
function anonymous({ metadata, ...event }: RawEvent): unknown {
  const { namespace } = metadata;
  return { ...event, metadata: { name: `${PLACEHOLDER.name}.${PLACEHOLDER.serial}`, namespace } };
}
