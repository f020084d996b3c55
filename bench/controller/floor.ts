/**
 * The floor: a bare program that answers each completion with the next Job, and knows nothing else. As a process of its
 * own, beside the program: `floor.ts KUBECONFIG NAMESPACE RECORDING WRITES CONNECTIONS`.
 */
import { readFile } from 'node:fs/promises';
import { collectionPath, EVENTS, JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { RawClient } from './raw-client.ts';
import { PLACEHOLDER, type Recording } from './recording.ts';
import { isComplete, type Shown, stepOf } from './sequences.ts';

/** What it sends for a step: only the Job; the status too; the Events too. */
export type Writes = 'jobs' | 'statuses' | 'events';

const [kubeconfig = '', namespace = '', recording = '', writes = '', connections = ''] = process.argv.slice(2);
const { jobs, statuses, events } = JSON.parse(await readFile(recording, 'utf8')) as Recording;
const raw = await RawClient.connect(kubeconfig, Number(connections));
/** The newest version of each sequence. */
const versions = new Map<string, string>();
/** What goes on for each sequence: one thing after the other, as the program does it. */
const tails = new Map<string, Promise<void>>();
let serial = 0;

function advance(sequence: string, index: number): void {
  tails.set(
    sequence,
    (tails.get(sequence) ?? Promise.resolve()).then(() => write(sequence, index)),
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
  const { name, resourceVersion } = (object as Shown).metadata;
  versions.set(name, resourceVersion);
  advance(name, 0);
});
await raw.watch(collectionPath(JOBS, namespace), ({ type, object }) => {
  const job = object as Shown;
  if (type !== 'MODIFIED' || !isComplete(job)) return;
  const { sequence, index } = stepOf(job);
  advance(sequence, index + 1);
});
process.stdout.write('ready\n');
