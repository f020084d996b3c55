/**
 * Containers that write down when they run, in a folder of the node: what a test proves with it does not rest on what the
 * API says of them. The tests run on the node.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, SequentialJobSpec, StepSettings } from '../../shared/api/types.ts';
import { eventually } from './eventually.ts';

/** Where the containers see the folder. */
const MOUNT = '/runs';

/** Longer than any test has a container take to end. */
const GRACE_S = 120;

/** One container's run, in seconds since the node's start: from its first line to its last. */
export interface Run {
  readonly job: string;
  readonly pod: string;
  readonly from: number;
  readonly to: number;
  /** When it was told to stop. */
  readonly toldAt?: number;
  readonly hasEnded: boolean;
}

/** What lets the containers of a sequence end: those that run, with success, or those that have been told to stop. */
export type Permission = 'may-succeed' | 'may-stop';

/**
 * Runs until it may succeed. Told to stop, it runs on until it may do that, which the kubelet takes for a container that
 * needs its grace period. It says that it runs three times a second, so that its run is known also where it is killed.
 */
function script(sequence: string): string {
  const file = `${MOUNT}/${sequence}`;
  return `
    note() { read -r now idle </proc/uptime; echo "$now $JOB $HOSTNAME $1" >>${file}; }
    trap 'told=yes; note told' TERM
    note started
    while true; do
      if [ -n "$told" ]; then [ -e ${file}.may-stop ] && { note ended; exit 143; }
      elif [ -e ${file}.may-succeed ]; then note ended; exit 0; fi
      note runs
      sleep 0.3
    done`;
}

export class ContainerRuns {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** A sequence of two steps whose containers write down their runs. */
  spec(sequence: string, first: StepSettings = {}): SequentialJobSpec {
    const step = (name: string): Container => ({
      name,
      image: 'busybox:1.36',
      command: ['sh', '-c', script(sequence)],
      env: [{ name: 'JOB', valueFrom: { fieldRef: { fieldPath: "metadata.labels['job-name']" } } }],
      volumeMounts: [{ name: 'runs', mountPath: MOUNT }],
    });
    const volumes = [{ name: 'runs', hostPath: { path: this.#folder } }];
    const template = { spec: { containers: [], terminationGracePeriodSeconds: GRACE_S, volumes } };
    return { steps: [{ ...step('s0'), ...first }, step('s1')], template };
  }

  async permit(sequence: string, permission: Permission): Promise<void> {
    await writeFile(join(this.#folder, `${sequence}.${permission}`), '');
  }

  /** The runs of a sequence's containers until now, by their start. */
  async of(sequence: string): Promise<readonly Run[]> {
    return readRuns(await readFile(join(this.#folder, sequence), 'utf8'));
  }

  /** Resolves when a container of the sequence has written down that it runs. */
  async untilStarted(sequence: string): Promise<void> {
    await eventually(`a container of ${sequence} runs`, async () => (await this.of(sequence)).length > 0);
  }

  /** Resolves when a container of the sequence has been told to stop. */
  async untilTold(sequence: string): Promise<void> {
    await eventually(`a container of ${sequence} is told to stop`, async () => {
      return (await this.of(sequence)).some(({ toldAt }) => toldAt !== undefined);
    });
  }
}

/** The runs that these lines tell of: time, Job, Pod, and what there is to say. */
function readRuns(text: string): readonly Run[] {
  const runs = new Map<string, Run>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [time = '', job = '', pod = '', word = ''] = line.split(' ');
    const now = Number(time);
    const { from = now, ...before } = runs.get(pod) ?? {};
    const told = word === 'told' ? { toldAt: now } : {};
    runs.set(pod, { ...before, ...told, job, pod, from, to: now, hasEnded: word === 'ended' });
  }
  return [...runs.values()].sort((a, b) => a.from - b.from);
}

/** Each pair of runs that shared a moment, for people. */
export function overlaps(runs: readonly Run[]): readonly string[] {
  return pairs(runs).map(([a, b]) => `${show(a)} and ${show(b)}`);
}

/** The same, without those of two Pods of one Job. */
export function overlapsOfJobs(runs: readonly Run[]): readonly string[] {
  return pairs(runs)
    .filter(([a, b]) => a.job !== b.job)
    .map(([a, b]) => `${show(a)} and ${show(b)}`);
}

function pairs(runs: readonly Run[]): readonly (readonly [Run, Run])[] {
  return runs.flatMap((a, i) =>
    runs
      .slice(i + 1)
      .filter((b) => a.from < b.to && b.from < a.to)
      .map((b) => [a, b] as const),
  );
}

const show = ({ job, pod, from, to, hasEnded }: Run): string =>
  `${pod} of ${job} (${from} to ${to}${hasEnded ? '' : ' or longer'})`;
