/** Records the requests of the controller for one sequence, so that the baseline can send the same requests for others. */
import { statusPatch } from '../../controller/status-patch.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { collectionPath, EVENTS } from '../../shared/kube/resources.ts';
import type { JobDriver } from './job-driver.ts';
import type { RawClient } from './raw-client.ts';
import { STEPS } from './sequences.ts';

/** Request bodies as JSON with placeholders, by the index of the step that starts; the last entry is for the end. */
export interface Recording {
  readonly jobs: readonly string[];
  readonly statuses: readonly string[];
  readonly events: readonly (readonly string[])[];
}

/** The baseline replaces: the name of the sequence, the resourceVersion in the patch's test operation, a serial number. */
export const PLACEHOLDER = { name: '@name@', version: '@version@', serial: '@serial@' } as const;

interface RawEvent {
  readonly metadata: { readonly name: string; readonly namespace: string };
}

/** Runs one sequence in `namespace`, and rewrites the recorded bodies to `baselineNamespace`. */
export async function record(
  raw: RawClient,
  field: JobDriver,
  { namespace, baselineNamespace }: Namespaces,
): Promise<Recording> {
  field.recordHistory = true;
  await field.run({ sequences: 1, inFlight: 1 });
  field.recordHistory = false;
  const states = field.history as unknown as readonly SequentialJob[];
  const [first] = states;
  if (first === undefined) throw new Error('the sequence was not observed');
  const { name } = first.metadata;
  const asTemplate = (body: unknown): string =>
    JSON.stringify(body).replaceAll(name, PLACEHOLDER.name).replaceAll(namespace, baselineNamespace);
  const statuses = states.slice(1).map((after, i) => {
    const before = states[i] ?? first;
    const patch = after.status === undefined ? [] : (statusPatch(before, after.status) ?? []);
    return asTemplate(patch).replace(`"${before.metadata.resourceVersion}"`, `"${PLACEHOLDER.version}"`);
  });
  const events = await eventsOf(raw, namespace, statuses.length);
  return {
    jobs: Array.from({ length: STEPS }, (_, index) => asTemplate(buildJob(first, index, 0))),
    statuses,
    events: events.map((group) => group.map((event) => asTemplate(event).replace(name, name))),
  };
}

interface Namespaces {
  readonly namespace: string;
  readonly baselineNamespace: string;
}

const EVENTS_TIMEOUT_MS = 5_000;

/** The Events, two for each status write, sorted by name: the name contains the time. */
async function eventsOf(raw: RawClient, namespace: string, writes: number): Promise<readonly (readonly unknown[])[]> {
  const deadline = performance.now() + EVENTS_TIMEOUT_MS;
  for (;;) {
    const text = await raw.send({ method: 'GET', path: collectionPath(EVENTS, namespace) });
    const { items } = JSON.parse(text) as { readonly items: readonly RawEvent[] };
    if (items.length === 2 * writes) {
      const bodies = items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).map(asSent);
      return Array.from({ length: writes }, (_, i) => bodies.slice(2 * i, 2 * i + 2));
    }
    if (performance.now() > deadline) throw new Error(`${items.length} Events for ${writes} status writes`);
  }
}

/** The Event as the controller sent it, without the metadata that the API server adds. */
function asSent({ metadata, ...event }: RawEvent): unknown {
  const { namespace } = metadata;
  return { ...event, metadata: { name: `${PLACEHOLDER.name}.${PLACEHOLDER.serial}`, namespace } };
}
