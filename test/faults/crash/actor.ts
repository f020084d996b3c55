/** A sequence on a stage, and what its user does and waits for. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../../../shared/api/types.ts';
import { eventually } from '../../support/eventually.ts';
import type { Namespace } from '../../support/namespace.ts';
import { gated } from '../../support/sequences.ts';
import type { Stage } from './stage.ts';

/** A bound that only a hang reaches: a list without an answer is given up after 60 s. */
const LIMIT_S = 100;

export class Actor {
  readonly stage: Stage;
  readonly name: string;
  /** The object as it was created. */
  created: SequentialJob | undefined;

  constructor(stage: Stage, name: string) {
    this.stage = stage;
    this.name = name;
  }

  get namespace(): Namespace {
    return this.stage.namespace;
  }

  async apply(spec: SequentialJobSpec): Promise<void> {
    this.created = await this.namespace.apply(this.name, spec);
    this.stage.name(this.created.metadata.uid, this.name);
  }

  /** The same with a folder in every step, in which `open` writes a file with the name of the sequence. */
  async applyGated(spec: SequentialJobSpec): Promise<void> {
    await this.apply(gated(this.stage.folder, spec));
  }

  async open(): Promise<void> {
    await writeFile(join(this.stage.folder, this.name), '');
  }

  async patch(spec: Partial<SequentialJobSpec>): Promise<void> {
    await this.namespace.patch(this.name, { spec });
  }

  async until(wanted: (status: SequentialJobStatus) => boolean): Promise<void> {
    await this.namespace.until(this.name, ({ status }) => status !== undefined && wanted(status), LIMIT_S);
  }

  async untilRunning(index: number): Promise<void> {
    await this.until(({ steps }) => steps?.[index]?.state === 'Running');
  }

  async untilFinished(): Promise<void> {
    await this.until(({ completionTime }) => completionTime !== undefined);
  }

  /** Resolves when its first Job counts an active Pod. */
  async untilActive(): Promise<void> {
    await eventually('an active Pod', async () => (await this.namespace.jobs(this.name))[0]?.status.active === 1);
  }

  async untilGone(): Promise<void> {
    await this.namespace.untilGone(this.name, LIMIT_S);
  }

  async untilEventCount(count: number): Promise<void> {
    await eventually(`${count} events`, async () => (await this.namespace.events(this.name)).length >= count);
  }
}
