/** The program and the floor, each with a namespace of its own on the same API server, warm and ready to be measured. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measured } from '../processes.ts';
import { Field } from './field.ts';
import type { Writes } from './floor.ts';
import { Program, startFloor } from './programs.ts';
import { record } from './recording.ts';
import type { World } from './world.ts';

export interface Ours {
  readonly program: Program;
  readonly field: Field;
  readonly namespace: string;
}

export interface Floor {
  readonly process: Measured;
  readonly field: Field;
}

export interface Stage {
  readonly ours: Ours;
  /** Starts a floor, warm as well. `connections`: requests that it has under way at most. */
  floor(writes: Writes, connections: number): Promise<Floor>;
}

/** Sequences that are run before anything is measured: V8 optimises what runs often. */
export interface WarmUp {
  readonly sequences: number;
}

/** Starts the program, lets the work be done with it, and ends it and what floors there are, however the work ends. */
export async function onStage<T>(world: World, { sequences }: WarmUp, work: (stage: Stage) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
  const undo = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const warmUp = (field: Field): Promise<unknown> => field.run({ sequences, inFlight: sequences });
  try {
    const namespace = await world.namespace('bench-ours');
    const program = await Program.start(world, namespace);
    undo.push(() => program.process.kill());
    const { died } = program.process;
    const field = await Field.open({ raw: world.raw, namespace, over: 'status', died });
    const floorsOwn = 'bench-floor';
    const recording = await record(world.raw, field, { namespace, to: floorsOwn });
    await warmUp(field);
    const floor = async (writes: Writes, connections: number): Promise<Floor> => {
      const own = await world.namespace(`${floorsOwn}-${writes}`);
      const file = join(folder, `${own}.json`);
      await writeFile(file, JSON.stringify(recording).replaceAll(floorsOwn, own));
      const process = await startFloor(world, { namespace: own, recording: file, writes, connections });
      undo.push(() => process.kill());
      const over = writes === 'jobs' ? 'jobs' : 'status';
      const { died } = process;
      const started: Floor = { process, field: await Field.open({ raw: world.raw, namespace: own, over, died }) };
      await warmUp(started.field);
      return started;
    };
    return await work({ ours: { program, field, namespace }, floor });
  } finally {
    for (const end of undo.toReversed()) await end();
  }
}
