/** A tenant who does what it may, and means no good; another one, whose sequences are to go on; and the operator of both. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import type { KubeObject } from '../../shared/kube/cache.ts';
import { type ApiClient, createApiClient, METADATA_ONLY } from '../../shared/kube/client.ts';
import { collectionPath, CONFIG_MAPS, JOBS, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { sleep } from '../../shared/sleep.ts';
import { Namespace } from './namespace.ts';
import { inParallel } from './parallel.ts';
import { JobHistory } from './job-history.ts';
import { MeteredOperator } from './metered-operator.ts';
import { Operator } from './operator.ts';
import { dedicatedControlPlane } from './dedicated-control-plane.ts';
import { sequence } from './sequences.ts';
import { report } from './flaky-watch.ts';

/** As large as admission lets a spec be, with room for the rest of it; the last character makes that two bytes for each in memory. */
export const MIB_OF_TEXT = `${'x'.repeat(1024 * 1024 - 4096)}…`;

/** A step starts so soon after the one before has ended, whatever another tenant does. */
const HANDOFF_MS = 1_000;
/** A slow machine is slow for everybody: a hand-off may take so many times what it took without a disturbance. */
const TIMES_CALM = 8;
/** Under attack the API server itself takes its time: a hand-off may take as long as so many of its slowest answers, that is the watch event and the status write and the create, one after the other, and one to spare. */
const ANSWERS = 4;
const PROBE_MS = 50;
/**
 * In MB: the Deployment's limit is 512Mi, and a full heap takes 477. The peak depends on when V8 collects: of the same attack 240 to
 * 312 were measured.
 */
const RSS_MB = 350;
const STEPS = 4;

export interface Tenants {
  readonly client: ApiClient;
  readonly kubeconfig: string;
  /** The one who attacks. */
  readonly hostile: Namespace;
  /** Starts the operator for all namespaces, with the memory that the Deployment gives it. */
  start(kubeconfig?: string): Promise<MeteredOperator>;
  /** The same as the only process of an installation: with the webhook, which has its certificate in that folder, and a Lease. */
  startAll(certificates: string): Promise<MeteredOperator>;
  /** Runs a sequence of the other tenant; gives the time from each step's end to the next one's start, in milliseconds. */
  runVictim(): Promise<readonly number[]>;
  /** The same while it is attacked: it is to go on as if nothing were. */
  expectUnharmed(when: string, operator: MeteredOperator): Promise<void>;
  /** A sequence of the one who attacks, as admission lets it in. */
  apply(name: string, spec: SequentialJobSpec): Promise<void>;
}

/** Removes what the next test would have to bear; no operator runs. */
async function empty(client: ApiClient, hostile: Namespace): Promise<void> {
  const { name: namespace } = hostile;
  const path = collectionPath(SEQUENTIAL_JOBS, namespace);
  await client.request({ method: 'DELETE', path });
  await client.request({
    method: 'DELETE',
    path: collectionPath(JOBS, namespace),
    query: { propagationPolicy: 'Background' },
  });
  const { items } = await client.request<{ items: readonly KubeObject[] | null }>({
    method: 'GET',
    path,
    accept: METADATA_ONLY.replace('Metadata;', 'MetadataList;'),
  });
  await inParallel(items?.length ?? 0, (i) =>
    hostile.patch(items?.[i]?.metadata.name ?? '', { metadata: { finalizers: null } }),
  );
}

/** Call it where `beforeAll` may stand. The control plane is for all tests of the file, what is in it for each. */
export function tenants(): Tenants {
  const own = dedicatedControlPlane();
  const folder = mkdtempSync(join(tmpdir(), 'sequentialjob-tenants-'));
  const program = join(folder, 'sequentialjob.mjs');
  let client: ApiClient;
  let hostile: Namespace;
  let victim: Namespace;
  let history: JobHistory;
  let undisturbed: readonly number[] | undefined;
  let runs = 0;
  let probes = 0;

  beforeAll(() => {
    // What is deployed: run from the sources it takes half as much memory again.
    execFileSync(process.execPath, [join(import.meta.dirname, '../../build.mjs'), folder], { stdio: 'ignore' });
    client = createApiClient(loadKubeConfig({ path: own.plane.kubeconfig }), { userAgent: 'sequentialjob-tests' });
  });

  afterAll(async () => {
    await client.close();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    hostile = await Namespace.create(client, 'hostile');
    victim = await Namespace.create(client, 'victim');
    history = await JobHistory.start(client, victim.name);
    undisturbed = undefined;
  });

  afterEach(async () => {
    await Operator.endAll();
    await history.stop();
    await empty(client, hostile);
  });

  /** `work`, and the slowest answer of the API server meanwhile to a small write in the namespace of the other tenant, in milliseconds. */
  const whileProbing = async <T>(work: () => Promise<T>): Promise<readonly [T, number]> => {
    const stopping = new AbortController();
    let slowest = 0;
    const probe = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        const begin = performance.now();
        await victim.createObject(CONFIG_MAPS, { metadata: { name: `probe-${probes++}` } });
        slowest = Math.max(slowest, performance.now() - begin);
        await sleep(PROBE_MS, stopping.signal);
      }
    };
    const probing = probe();
    try {
      return [await work(), slowest];
    } finally {
      stopping.abort();
      await probing;
    }
  };

  const runVictim = async (): Promise<readonly number[]> => {
    const name = `run-${runs++}`;
    await victim.apply(name, sequence(STEPS), { finalizers: [FINALIZER] });
    const { status } = await victim.untilFinished(name, 120);
    expect(status?.phase).toBe('Completed');
    return history.handoffs(name);
  };

  return {
    get client() {
      return client;
    },
    get kubeconfig() {
      return own.plane.kubeconfig;
    },
    get hostile() {
      return hostile;
    },
    start: async (kubeconfig = own.plane.kubeconfig) =>
      MeteredOperator.start('controller', [`--kubeconfig=${kubeconfig}`, '--check-secrets'], program),
    startAll: async (certificates) => {
      const election = ['--leader-elect', '--leader-election-namespace=default'];
      const served = ['--webhook-host=127.0.0.1', '--webhook-port=0', `--cert-dir=${certificates}`];
      return MeteredOperator.start('all', [`--kubeconfig=${own.plane.kubeconfig}`, ...election, ...served], program);
    },
    runVictim,
    expectUnharmed: async (when, operator) => {
      undisturbed ??= await runVictim();
      const [handoffs, answer] = await whileProbing(runVictim);
      const [slowest, before] = [Math.max(...handoffs), Math.max(...undisturbed)];
      report(
        `${when}: hand-offs ${handoffs.map(Math.round).join(', ')} ms, undisturbed ${undisturbed.map(Math.round).join(', ')} ms, slowest answer ${Math.round(answer)} ms`,
      );
      report(`${when}: ${Math.round(operator.peakRssMb)} MB resident at most`);
      expect(handoffs).toHaveLength(STEPS - 1);
      expect(slowest).toBeLessThan(Math.max(HANDOFF_MS, TIMES_CALM * before, ANSWERS * answer));
      expect(operator.isRunning).toBe(true);
      expect(operator.peakRssMb).toBeLessThan(RSS_MB);
    },
    apply: async (name, spec) => void (await hostile.apply(name, spec, { finalizers: [FINALIZER] })),
  };
}
