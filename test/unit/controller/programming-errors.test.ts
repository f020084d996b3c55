/** A programming error is never treated as a network error: whoever sends a request throws it on as it is, at the first try. */
import { expect, it } from '@jest/globals';
import { DependencyChecker } from '../../../controller/act/dependency-checker.ts';
import { EventWriter } from '../../../controller/event-writer.ts';
import { listJobPods } from '../../../controller/act/list-job-pods.ts';
import { Preflights } from '../../../controller/preflights.ts';
import { patchStatus } from '../../../controller/status-patch.ts';
import { Revisions } from '../../../controller/revisions.ts';
import { buildJob } from '../../../shared/jobs/job.ts';
import type { ApiClient } from '../../../shared/kube/client.ts';
import { dryRunCreate } from '../../../shared/kube/dry-run.ts';
import { LeaseStore } from '../../../shared/kube/leader-election/leases.ts';
import { awaitApiServer } from '../../../shared/kube/startup.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { NOW_MS, sequentialJob } from '../../support/objects.ts';
import { reconcilerDeps } from '../../support/reconciler.ts';
import { recordingLog } from '../../support/recording-log.ts';

const OBJECT = sequentialJob();
const { log, lines } = recordingLog();
const { signal } = new AbortController();
const now = (): number => NOW_MS;
const snapshot = { object: OBJECT, jobs: [], findings: {}, pods: [] };
const pending = {
  subject: { kind: OBJECT.kind, ...OBJECT.metadata },
  event: { type: 'Normal', reason: 'JobStarted', message: 'x' },
  name: 'x',
  firstMs: NOW_MS,
  lastMs: NOW_MS,
  count: 1,
} as const;

it.each<readonly [string, (client: ApiClient) => Promise<unknown>]>([
  [
    'the wait for the API server',
    (client) => awaitApiServer({ client, namespace: undefined, log, timeoutMs: 60_000, signal }),
  ],
  ['a dry run', (client) => dryRunCreate(client, buildJob(OBJECT, 0, 0))],
  [
    'the preflight',
    (client) =>
      new Preflights({ client, log, enabled: true, now }).run({ type: 'Preflight', from: 0, resumes: 0 }, snapshot),
  ],
  [
    'the check of dependencies',
    (client) =>
      new DependencyChecker({ client, log, checkSecrets: true, now }).missing('team-a', [
        { kind: 'Secret', name: 'a' },
      ]),
  ],
  ['the write of a ControllerRevision', (client) => new Revisions({ client, log }).record(OBJECT, OBJECT.spec, 1)],
  ['the read of a ControllerRevision', (client) => new Revisions({ client, log }).load(OBJECT)],
  ['the list of Pods', (client) => listJobPods({ uid: 'x', index: 0 }, snapshot, reconcilerDeps(client))],
  ['the status write', (client) => patchStatus(OBJECT, { phase: 'Running' }, [], reconcilerDeps(client))],
  ['the write of an Event', (client) => new EventWriter(client).write(pending)],
  ['the read of the Lease', (client) => new LeaseStore(client, 'ns', 'name').read({ timeoutMs: 1000, signal })],
])('%s', async (_says, run) => {
  const fault = new TypeError('it is not a function');
  const client = new FakeClient({
    request: () => {
      throw fault;
    },
  });
  await expect(run(client)).rejects.toBe(fault);
  expect(client.requests).toHaveLength(1);
  expect(lines).toEqual([]);
});
