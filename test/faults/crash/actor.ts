/** A sequence on a stage, and what its user does and waits for. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SequentialJob, SequentialJobSpec } from '../../../shared/api/types.ts';
import { eventually } from '../../support/eventually.ts';
import { gated } from '../../support/sequences.ts';
import type { Stage } from './stage.ts';

/** A bound that only a hang reaches: a list without an answer is given up after 60 s. */
const PATIENCE_S = 100;

export class Actor {
  readonly stage: Stage;
  readonly name: string;
  /** The object as it was created. */
  created: SequentialJob | undefined;

  constructor(stage: Stage, name: string) {
    this.stage = stage;
    this.name = name;
  }

  async apply(spec: SequentialJobSpec): Promise<void> {
    this.created = await this.stage.namespace.apply(this.name, spec);
    this.stage.name(this.created.metadata.uid, this.name);
  }

  async patch(spec: Partial<SequentialJobSpec>): Promise<void> {
    await this.stage.namespace.patch(this.name, { spec });
  }

  async until(wanted: (status: NonNullable<SequentialJob['status']>) => boolean): Promise<void> {
    await this.stage.namespace.until(this.name, ({ status }) => status !== undefined && wanted(status), PATIENCE_S);
  }

  async untilRunning(index: number): Promise<void> {
    await this.until(({ steps }) => steps?.[index]?.state === 'Running');
  }

  async untilFinished(): Promise<void> {
    await this.until(({ completionTime }) => completionTime !== undefined);
  }

  /** Resolves when its first Job counts a Pod that is active. */
  async untilActive(): Promise<void> {
    await eventually(`an active Pod of ${this.name}`, async () => {
      const [job] = await this.stage.namespace.jobs(this.name);
      return job?.status.active === 1;
    });
  }

  async untilNoPods(): Promise<void> {
    const pods = async (): Promise<readonly unknown[]> => this.stage.namespace.pods(this.name);
    await eventually(`no Pods of ${this.name}`, async () => (await pods()).length === 0);
  }

  async untilGone(): Promise<void> {
    await this.stage.namespace.untilGone(this.name, PATIENCE_S);
  }

  async untilEventCount(events: number): Promise<void> {
    await eventually(
      `${events} events of ${this.name}`,
      async () => (await this.stage.namespace.events(this.name)).length >= events,
    );
  }

  gated(spec: SequentialJobSpec): SequentialJobSpec {
    return gated(this.stage.folder, spec);
  }

  /** Lets its steps go on that wait for that, or need it. */
  async open(): Promise<void> {
    await writeFile(join(this.stage.folder, this.name), '');
  }
}
