/**
 * The baseline of the controller: a minimal program that creates the next Job after each completion. It runs as a separate
 * process: `baseline.ts KUBECONFIG NAMESPACE RECORDING WRITES CONNECTIONS`.
 */
import { readFile } from 'node:fs/promises';
import { collectionPath, EVENTS, JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { RawClient } from './raw-client.ts';
import { PLACEHOLDER, type Recording } from './recording.ts';
import { isComplete, type ObservedObject, stepOf } from './sequences.ts';

/** Which requests it sends for a step: the Job; also the status; also the Events. */
export type Writes = 'jobs' | 'statuses' | 'events';

const [kubeconfig = '', namespace = '', recording = '', writes = '', connections = ''] = process.argv.slice(2);
const { jobs, statuses, events } = JSON.parse(await readFile(recording, 'utf8')) as Recording;
const raw = await RawClient.connect(kubeconfig, Number(connections));
/** The newest resourceVersion of each sequence. */
const versions = new Map<string, string>();
/** The last write of each sequence: writes of one sequence are sent in order, as the controller does. */
const lastWrites = new Map<string, Promise<void>>();
let serial = 0;

function enqueue(sequence: string, index: number): void {
  lastWrites.set(
    sequence,
    (lastWrites.get(sequence) ?? Promise.resolve()).then(() => write(sequence, index)),
  );
}

async function write(sequence: string, index: number): Promise<void> {
  const fill = (text: string): string => text.replaceAll(PLACEHOLDER.name, sequence);
  const job = jobs[index];
  if (job !== undefined) await raw.send({ method: 'POST', path: collectionPath(JOBS, namespace), body: fill(job) });
  if (writes === 'jobs') return;
  const body = fill(statuses[index] ?? '').replace(PLACEHOLDER.version, versions.get(sequence) ?? '');
  const path = objectPath(SEQUENTIAL_JOBS, namespace, sequence, 'status');
  const answer = await raw.send({ method: 'PATCH', path, body, type: 'application/json-patch+json' });
  versions.set(sequence, /"resourceVersion":"(\d+)"/.exec(answer)?.[1] ?? '');
  if (writes === 'statuses') return;
  for (const event of events[index] ?? []) {
    serial++;
    const named = fill(event).replace(PLACEHOLDER.serial, serial.toString(16).padStart(16, '0'));
    await raw.send({ method: 'POST', path: collectionPath(EVENTS, namespace), body: named });
  }
}

await raw.watch(collectionPath(SEQUENTIAL_JOBS, namespace), ({ type, object }) => {
  if (type !== 'ADDED') return;
  const { name, resourceVersion } = (object as ObservedObject).metadata;
  versions.set(name, resourceVersion);
  enqueue(name, 0);
});
await raw.watch(collectionPath(JOBS, namespace), ({ type, object }) => {
  const job = object as ObservedObject;
  if (type !== 'MODIFIED' || !isComplete(job)) return;
  const { sequence, index } = stepOf(job);
  enqueue(sequence, index + 1);
});
process.stdout.write('ready\n');
