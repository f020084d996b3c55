/**
 * The operator's share of all CPU that Kubernetes takes for a step: on a whole cluster, whose processes run on this machine
 * beside the benchmark, with Pods that run. KUBECONFIG names it; the definitions are installed there.
 */
import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveBinaries } from '../local/binaries/resolve.ts';
import { installCrds } from '../local/control-plane/install-crds.ts';
import { kubectlOf } from '../local/control-plane/kubectl.ts';
import { withDefaults } from '../shared/api/defaults.ts';
import { API_VERSION, FINALIZER, KIND } from '../shared/api/group.ts';
import { collectionPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { ControllerProgram } from './controller/programs.ts';
import { RawClient } from './controller/raw-client.ts';
import { isComplete, type ObservedObject } from './controller/sequences.ts';
import { serveOneVersion } from './controller/with-control-plane.ts';
import { cpuMsOf, MS_PER_TICK } from './processes.ts';
import { buildRelease, type Release } from './release.ts';

interface Effort {
  readonly warmUp: number;
  readonly sequences: number;
  readonly idleMs: number;
}

const FULL: Effort = { warmUp: 40, sequences: 20, idleMs: 20_000 };
const SMOKE: Effort = { warmUp: 1, sequences: 1, idleMs: 1_000 };

const STEPS = 5;
const IN_FLIGHT = 4;
const IMAGE = 'busybox:1.36';
const NAMESPACE = 'bench-cluster';
const MAX_SHARE = 0.03;
const DELETION_MS = 60_000;
const ROOT = join(import.meta.dirname, '..');

/** Kubernetes' own processes, by the name of their program. The runtime's short-lived ones and the containers are the rest. */
const PROGRAMS = [
  'kube-apiserver',
  'etcd',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'containerd',
] as const;

export const cluster: Benchmark = {
  name: 'cluster',
  title: 'The operator’s share of what a step costs Kubernetes',
  description:
    `${FULL.sequences} sequences of ${STEPS} steps whose container runs \`true\`, ${IN_FLIGHT} at a time, on a whole cluster on this machine: the least that ` +
    'a step can cost. CPU for a step, less what the same process takes when idle. The total is that of the whole machine without ' +
    'the benchmark itself. It needs KUBECONFIG of a cluster for tests whose processes run on this machine, and changes the definition there.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const kubeconfig = process.env['KUBECONFIG'];
    if (kubeconfig === undefined) throw new Error('KUBECONFIG must name a cluster whose processes run on this machine');
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    const raw = await RawClient.connect(kubeconfig, IN_FLIGHT);
    try {
      const binaries = await resolveBinaries({ env: process.env, log });
      await installCrds(kubectlOf({ binaries, kubeconfig }), join(ROOT, 'config/crd'));
      await serveOneVersion(raw);
      const release = await buildRelease(join(folder, 'release'));
      return await measure({ kubeconfig, release, raw }, smoke ? SMOKE : FULL, log);
    } finally {
      await raw.send({ method: 'DELETE', path: `/api/v1/namespaces/${NAMESPACE}` }).catch(() => undefined);
      await raw.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface World {
  readonly kubeconfig: string;
  readonly release: Release;
  readonly raw: RawClient;
}

async function measure(world: World, effort: Effort, log: (line: string) => void): Promise<readonly Row[]> {
  const { raw } = world;
  await raw.send({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: JSON.stringify({ metadata: { name: NAMESPACE } }),
  });
  const { process: operator } = await ControllerProgram.start(world, NAMESPACE);
  try {
    const runs = await Runs.start(raw, operator.exitedUnexpectedly);
    await runs.run(effort.warmUp);
    const read = (): Promise<Cpu> => cpuNow(operator.pid);
    await sleep(effort.idleMs / 2);
    const [idleBefore, idleSince] = [await read(), performance.now()];
    await sleep(effort.idleMs);
    const [before, since] = [await read(), performance.now()];
    const idle = mapCpu(before, (ms, name) => (ms - (idleBefore.get(name) ?? 0)) / (since - idleSince));
    await runs.run(effort.sequences);
    const [after, until] = [await read(), performance.now()];
    const steps = effort.sequences * STEPS;
    log(`${steps} steps in ${((until - since) / 1000).toFixed(0)} s`);
    const spent = (ms: number, name: string): number =>
      (ms - (before.get(name) ?? 0) - (idle.get(name) ?? 0) * (until - since)) / steps;
    return rowsOf(mapCpu(after, spent));
  } finally {
    // As long as the operator is there to let them go.
    await deleteSequences(raw);
    await operator.kill();
  }
}

async function deleteSequences(raw: RawClient): Promise<void> {
  const path = collectionPath(SEQUENTIAL_JOBS, NAMESPACE);
  await raw.send({ method: 'DELETE', path });
  const left = async (): Promise<number> => {
    const { items } = JSON.parse(await raw.send({ method: 'GET', path })) as { readonly items: readonly unknown[] };
    return items.length;
  };
  for (const until = performance.now() + DELETION_MS; (await left()) > 0 && performance.now() < until;)
    await sleep(1_000);
}

/** Creates sequences and waits for their end. */
class Runs {
  readonly #raw: RawClient;
  readonly #aborted: Promise<never>;
  #created = 0;
  #completed = new Set<string>();
  #onCompleted: () => void = () => undefined;

  private constructor(raw: RawClient, aborted: Promise<never>) {
    this.#raw = raw;
    this.#aborted = aborted;
  }

  static async start(raw: RawClient, aborted: Promise<never>): Promise<Runs> {
    const runs = new Runs(raw, aborted);
    await raw.watch(collectionPath(SEQUENTIAL_JOBS, NAMESPACE), ({ object }) => {
      const sequence = object as ObservedObject;
      if (!isComplete(sequence)) return;
      runs.#completed.add(sequence.metadata.name);
      runs.#onCompleted();
    });
    return runs;
  }

  async run(sequences: number): Promise<void> {
    const last = this.#created + sequences;
    const done = Promise.withResolvers<void>();
    const fill = (): void => {
      while (this.#created < last && this.#created - this.#completed.size < IN_FLIGHT) {
        this.#create().catch(done.reject);
      }
      if (this.#completed.size === last) done.resolve();
    };
    this.#onCompleted = fill;
    fill();
    await Promise.race([done.promise, this.#aborted]);
  }

  async #create(): Promise<void> {
    const name = `sequence-${(this.#created += 1)}`;
    const steps = Array.from({ length: STEPS }, (_, i) => ({ name: `s${i}`, image: IMAGE, command: ['true'] }));
    const metadata = { name, finalizers: [FINALIZER] };
    const body = JSON.stringify({ apiVersion: API_VERSION, kind: KIND, metadata, spec: withDefaults({ steps }) });
    await this.#raw.send({ method: 'POST', path: collectionPath(SEQUENTIAL_JOBS, NAMESPACE), body });
  }
}

/** CPU time in milliseconds, by the name of the program; `machine` is all but the benchmark. */
type Cpu = ReadonlyMap<string, number>;

const mapCpu = (cpu: Cpu, change: (ms: number, name: string) => number): Cpu =>
  new Map([...cpu].map(([name, ms]) => [name, change(ms, name)]));

async function cpuNow(operator: number): Promise<Cpu> {
  const cpu = new Map<string, number>(PROGRAMS.map((program) => [program, 0]));
  for (const pid of await pidsOf()) {
    const program = await programOf(pid);
    const before = cpu.get(program);
    if (before !== undefined) cpu.set(program, before + (await cpuMsOf(pid)));
  }
  const { user, system } = process.cpuUsage();
  cpu.set('operator', await cpuMsOf(operator));
  cpu.set('machine', (await busyMs()) - (user + system) / 1000);
  return cpu;
}

async function pidsOf(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
}

/** The name of the program that a process runs; empty if it has ended. */
async function programOf(pid: number): Promise<string> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return basename(commandLine.split('\0')[0] ?? '');
}

/** What all cores have worked since the machine's start, in milliseconds: user, nice, system, irq and softirq of /proc/stat (proc(5)). */
async function busyMs(): Promise<number> {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (await readFile('/proc/stat', 'utf8'))
    .split('\n', 1)
    .flatMap((line) => line.split(/\s+/).map(Number));
  return (user + nice + system + irq + softirq) * MS_PER_TICK;
}

function rowsOf(cpu: Cpu): readonly Row[] {
  const of = (name: string): number => cpu.get(name) ?? 0;
  const [operator, total] = [of('operator'), of('machine')];
  const rest = total - operator - PROGRAMS.reduce((sum, program) => sum + of(program), 0);
  const row = (label: string, ms: number): Row => ({
    label,
    ours: `${ms.toFixed(1)} ms`,
    baseline: `${total.toFixed(1)} ms`,
    ratio: `${((ms / total) * 100).toFixed(1)} %`,
  });
  return [
    {
      ...row('the operator', operator),
      target: `≤ ${MAX_SHARE * 100} %`,
      targetMet: operator / total <= MAX_SHARE,
    },
    ...PROGRAMS.map((program) => row(program, of(program))),
    row('the container runtime’s other processes, and the containers', rest),
  ];
}
