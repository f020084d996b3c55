/** Prepares a comparison: starts the controller and the baseline on one API server, each with its own namespace, and warms them up. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeasuredProcess } from '../processes.ts';
import { JobDriver } from './job-driver.ts';
import type { Writes } from './baseline.ts';
import { ControllerProgram, spawnBaseline } from './programs.ts';
import { record } from './recording.ts';
import type { TestControlPlane } from './with-control-plane.ts';

export interface ControllerUnderTest {
  readonly program: ControllerProgram;
  readonly driver: JobDriver;
  readonly namespace: string;
}

export interface Baseline {
  readonly process: MeasuredProcess;
  readonly driver: JobDriver;
}

export interface ComparisonSetup {
  readonly ours: ControllerUnderTest;
  /** Starts a baseline and warms it up. `connections` is its maximum number of concurrent requests. */
  startBaseline(writes: Writes, connections: number): Promise<Baseline>;
}

/** Sequences to run before the measurement, so that V8 has optimized the code. */
export interface WarmUp {
  readonly sequences: number;
}

/** Starts the controller, runs the work, then stops the controller and all baselines. */
export async function withComparison<T>(
  controlPlane: TestControlPlane,
  { sequences }: WarmUp,
  work: (setup: ComparisonSetup) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
  const cleanup = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const warmUp = (driver: JobDriver): Promise<unknown> => driver.run({ sequences, inFlight: sequences });
  try {
    const namespace = await controlPlane.createNamespace('bench-ours');
    const program = await ControllerProgram.start(controlPlane, namespace);
    cleanup.push(() => program.process.kill());
    const { exitedUnexpectedly } = program.process;
    const driver = await JobDriver.start({
      raw: controlPlane.raw,
      namespace,
      finishedBy: 'status',
      aborted: exitedUnexpectedly,
    });
    const baselineNamespace = 'bench-baseline';
    const recording = await record(controlPlane.raw, driver, { namespace, baselineNamespace });
    await warmUp(driver);
    const startBaseline = async (writes: Writes, connections: number): Promise<Baseline> => {
      const own = await controlPlane.createNamespace(`${baselineNamespace}-${writes}`);
      const file = join(folder, `${own}.json`);
      await writeFile(file, JSON.stringify(recording).replaceAll(baselineNamespace, own));
      const process = await spawnBaseline(controlPlane, { namespace: own, recording: file, writes, connections });
      cleanup.push(() => process.kill());
      const finishedBy = writes === 'jobs' ? 'jobs' : 'status';
      const { exitedUnexpectedly } = process;
      const started: Baseline = {
        process,
        driver: await JobDriver.start({
          raw: controlPlane.raw,
          namespace: own,
          finishedBy,
          aborted: exitedUnexpectedly,
        }),
      };
      await warmUp(started.driver);
      return started;
    };
    return await work({ ours: { program, driver, namespace }, startBaseline });
  } finally {
    for (const end of cleanup.toReversed()) await end();
  }
}
