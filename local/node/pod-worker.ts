/** Runs one Pod: prepares its volumes, runs init containers in order, then all containers concurrently. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateContainerError, startContainer, type ContainerRun } from './container.ts';
import { referencesOf, resolveEnvironment, type Environment, type Sources } from './environment.ts';
import type { LogFile } from './log-file.ts';
import type { Container, Content, Pod, PodStatus } from './objects.ts';
import { podFolder, type PodFolder } from './pod-folder.ts';
import { podStatus, type ContainerRecord, type PodFailure, type Terminated } from './pod-status.ts';
import { formatBackoff, restartDelay, shouldRestart } from './restart.ts';
import type { Sandbox } from './sandbox.ts';
import { prepareVolume, VolumeError, type VolumeSources } from './volumes.ts';

/** Interval of retries for missing objects. */
const RETRY_MS = 1_000;
/** Node's maximum timer delay (2^31 - 1 ms, 24.8 days). */
const MAX_TIMER_MS = 2_147_483_647;
/** Maximum concurrent requests for ConfigMaps or Secrets. */
const MAX_CONCURRENT_READS = 32;

export interface WorkerOptions {
  readonly scratch: string;
  readonly sandbox: Sandbox;
  readonly sources: VolumeSources;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Called with each new status; must neither throw nor block. */
  readonly report: (status: PodStatus) => void;
}

const waiting = (reason: string, message?: string): ContainerRecord['state'] => ({
  kind: 'waiting',
  reason,
  ...(message === undefined ? {} : { message }),
});

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class PodWorker {
  readonly pod: Pod;
  /** Resolves when all processes of the Pod have exited and the last status has been reported. Never rejects. */
  readonly done: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #folder: PodFolder;
  readonly #records = new Map<Container, ContainerRecord>();
  /** The running containers, by name. */
  readonly #runs = new Map<string, ContainerRun>();
  readonly #stopping = new AbortController();
  readonly #startTime: number;
  #failure: PodFailure | undefined;
  #killTimer: NodeJS.Timeout | undefined;
  #killAt = Number.POSITIVE_INFINITY;
  #status: PodStatus | undefined;

  /** Starts the Pod immediately. */
  constructor(pod: Pod, options: WorkerOptions) {
    this.pod = pod;
    this.#options = options;
    this.#folder = podFolder(options.scratch, pod.metadata.uid);
    this.#startTime = pod.status?.startTime === undefined ? options.now() : Date.parse(pod.status.startTime);
    for (const container of pod.spec.initContainers ?? []) this.#add(container, 'PodInitializing');
    const first = (pod.spec.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating';
    for (const container of pod.spec.containers) this.#add(container, first);
    this.done = this.#run();
  }

  /** The log of a running container; undefined if it does not run. */
  liveLog(container: string): LogFile | undefined {
    return this.#runs.get(container)?.log;
  }

  /** The number of a container's latest run, from 0; undefined if the Pod has no such container. */
  latestRun(container: string): number | undefined {
    return [...this.#records.values()].find((record) => record.name === container)?.restarts;
  }

  /**
   * Stops the Pod: SIGTERM to each container, SIGKILL after the grace period. `failure` is the reason if the Pod has failed.
   * Another call can only shorten the grace period.
   */
  stop(graceMs: number, failure?: PodFailure): void {
    if (!this.#stopping.signal.aborted) {
      this.#failure = failure;
      this.#stopping.abort();
      for (const run of this.#runs.values()) run.terminate();
    }
    const killAt = this.#options.now() + graceMs;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    clearTimeout(this.#killTimer);
    this.#killTimer = setTimeout(() => this.#kill(), graceMs);
  }

  #kill(): void {
    for (const run of this.#runs.values()) run.kill();
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #add(container: Container, reason: string): void {
    const { name, image = '' } = container;
    this.#records.set(container, { name, image, state: waiting(reason), restarts: 0 });
  }

  #record(container: Container): ContainerRecord {
    const record = this.#records.get(container);
    if (record === undefined) throw new Error(`container ${container.name} does not belong to this Pod`);
    return record;
  }

  #set(container: Container, change: Partial<ContainerRecord>): void {
    this.#records.set(container, { ...this.#record(container), ...change });
    this.#report();
  }

  #report(): void {
    const { spec } = this.pod;
    const status = this.#status ?? this.pod.status;
    this.#status = podStatus({
      pod: { ...this.pod, ...(status === undefined ? {} : { status }) },
      init: (spec.initContainers ?? []).map((container) => this.#record(container)),
      main: spec.containers.map((container) => this.#record(container)),
      startTime: this.#startTime,
      stopped: this.#stopped && this.#runs.size === 0,
      ...(this.#failure === undefined || this.#runs.size > 0 ? {} : { failure: this.#failure }),
      now: this.#options.now(),
    });
    this.#options.report(this.#status);
  }

  async #run(): Promise<void> {
    const deadline = this.#startDeadline();
    const volumes = await this.#volumes();
    let initialized = true;
    for (const container of this.pod.spec.initContainers ?? []) {
      initialized &&= (await this.#runUntilFinal(container, volumes)) === 0;
    }
    if (initialized && !this.#stopped) await this.#runMain(volumes);
    clearTimeout(deadline);
    clearTimeout(this.#killTimer);
    this.#report();
  }

  async #runMain(volumes: ReadonlyMap<string, string>): Promise<void> {
    const { containers } = this.pod.spec;
    // Not reported: the next status follows within milliseconds.
    for (const container of containers) {
      this.#records.set(container, { ...this.#record(container), state: waiting('ContainerCreating') });
    }
    await Promise.all(containers.map((container) => this.#runUntilFinal(container, volumes)));
  }

  #startDeadline(): NodeJS.Timeout | undefined {
    const seconds = this.pod.spec.activeDeadlineSeconds;
    if (seconds === undefined) return undefined;
    const left = this.#startTime + seconds * 1000 - this.#options.now();
    const message = 'Pod was active on the node longer than the specified deadline';
    const graceMs = (this.pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    return setTimeout(
      () => this.stop(graceMs, { reason: 'DeadlineExceeded', message }),
      Math.min(Math.max(left, 0), MAX_TIMER_MS),
    );
  }

  /** Prepares all volumes; waits for missing objects. Returns fewer volumes only if the Pod is stopped before. */
  async #volumes(): Promise<ReadonlyMap<string, string>> {
    const ready = new Map<string, string>();
    for (const volume of this.pod.spec.volumes ?? []) {
      while (!this.#stopped && !ready.has(volume.name)) {
        try {
          ready.set(volume.name, await prepareVolume(this.pod, volume, this.#folder.volumes, this.#options.sources));
        } catch (error) {
          const words = error instanceof VolumeError ? error.message : `cannot be prepared: ${messageOf(error)}`;
          await this.#setAllWaiting(`MountVolume.SetUp failed for volume "${volume.name}" : ${words}`);
        }
      }
    }
    return ready;
  }

  async #setAllWaiting(message: string): Promise<void> {
    for (const [container, record] of this.#records) {
      this.#records.set(container, { ...record, state: waiting('ContainerCreating', message) });
    }
    this.#report();
    await this.#pause(RETRY_MS);
  }

  /** Runs a container, with restarts. Returns its last exit code; undefined if the Pod is stopped before the container runs. */
  async #runUntilFinal(container: Container, volumes: ReadonlyMap<string, string>): Promise<number | undefined> {
    let last: Terminated | undefined;
    for (let run = 0; !this.#stopped; run++) {
      last = (await this.#runOnce(container, volumes, run)) ?? last;
      if (last === undefined || this.#stopped || !this.#runsAgain(container, last)) return last?.exitCode;
      const delay = restartDelay(run);
      if (delay > 0) {
        const back = `back-off ${formatBackoff(delay)} restarting failed container=${container.name} pod=${this.pod.metadata.name}`;
        this.#set(container, { state: waiting('CrashLoopBackOff', back), last });
        await this.#pause(delay);
        if (this.#stopped) this.#set(container, { state: last });
      }
      if (!this.#stopped) this.#records.set(container, { ...this.#record(container), last, restarts: run + 1 });
    }
    return last?.exitCode;
  }

  #runsAgain(container: Container, last: Terminated): boolean {
    const init = (this.pod.spec.initContainers ?? []).includes(container);
    const policy = this.pod.spec.restartPolicy ?? 'Always';
    return shouldRestart(init && policy === 'Always' ? 'OnFailure' : policy, last.exitCode);
  }

  /** Runs a container once; waits until it can be created. Returns undefined if the Pod is stopped before. */
  async #runOnce(
    container: Container,
    volumes: ReadonlyMap<string, string>,
    run: number,
  ): Promise<Terminated | undefined> {
    while (!this.#stopped) {
      const env = await this.#environment(container);
      if (!env.ok) {
        await this.#setWaiting(container, 'CreateContainerConfigError', env.message);
        continue;
      }
      const folder = this.#folder.container(container.name);
      const plan = { pod: this.pod, container, env: env.values, volumes, folder, run };
      try {
        const started = await startContainer(plan, this.#options.sandbox, this.#options.now);
        return await this.#untilEnded(container, started);
      } catch (error) {
        const words = error instanceof CreateContainerError ? error.message : `cannot be created: ${messageOf(error)}`;
        await this.#setWaiting(container, 'CreateContainerError', words);
      }
    }
    return undefined;
  }

  async #untilEnded(container: Container, run: ContainerRun): Promise<Terminated> {
    this.#runs.set(container.name, run);
    this.#set(container, { state: { kind: 'running', startedAt: run.startedAt } });
    if (this.#stopped) run.kill(); // the Pod was stopped while the container was starting
    const state = await run.ended;
    this.#runs.delete(container.name); // before the report, so that a stopped Pod reports its final phase
    this.#set(container, { state });
    return state;
  }

  async #environment(container: Container): Promise<Environment> {
    try {
      return resolveEnvironment(this.pod, container, await this.#readSources(container));
    } catch (error) {
      return { ok: false, message: messageOf(error) };
    }
  }

  async #readSources(container: Container): Promise<Sources> {
    const { namespace } = this.pod.metadata;
    const { configMaps, secrets } = referencesOf(container);
    const read = async (
      names: readonly string[],
      get: VolumeSources['secret'],
    ): Promise<ReadonlyMap<string, Content>> => {
      const found: (readonly [string, Content | undefined])[] = [];
      // In batches: a Pod may reference tens of thousands of objects.
      for (let at = 0; at < names.length; at += MAX_CONCURRENT_READS) {
        const some = names
          .slice(at, at + MAX_CONCURRENT_READS)
          .map(async (name) => [name, await get(namespace, name)] as const);
        found.push(...(await Promise.all(some)));
      }
      return new Map(found.filter((entry): entry is [string, Content] => entry[1] !== undefined));
    };
    const { sources } = this.#options;
    return { configMaps: await read(configMaps, sources.configMap), secrets: await read(secrets, sources.secret) };
  }

  async #setWaiting(container: Container, reason: string, message: string): Promise<void> {
    this.#set(container, { state: waiting(reason, message) });
    await this.#pause(RETRY_MS);
  }

  /** Waits until the time is over or the Pod is stopped. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
