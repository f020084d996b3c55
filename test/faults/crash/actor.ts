/** A sequence on a stage, and what its user does and waits for. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../../../shared/api/types.ts';
import { type Resource, SEQUENTIAL_JOBS, V1ALPHA1_SEQUENTIAL_JOBS } from '../../../shared/kube/resources.ts';
import { eventually } from '../../support/eventually.ts';
import { specInV1alpha1, v1alpha1Manifest } from '../../support/v1alpha1.ts';
import type { Namespace } from '../../support/namespace.ts';
import { gated } from '../../support/sequences.ts';
import type { Stage } from './stage.ts';

/** A bound that only a hang reaches: a list without an answer is given up after 60 s. */
const LIMIT_S = 100;

/** The API version that a user writes. */
export type Version = 'v1alpha1' | 'v1beta1';

/** Other fields may be there, such as defaults. */
function expectFields(object: unknown, wanted: object): void {
  expect(object).toMatchObject(wanted);
}

export class Actor {
  readonly stage: Stage;
  readonly name: string;
  readonly version: Version;
  /** The object as it was created, as the controller reads it. */
  created: SequentialJob | undefined;
  #wanted: SequentialJobSpec | undefined;

  constructor(stage: Stage, name: string, version: Version) {
    this.stage = stage;
    this.name = name;
    this.version = version;
  }

  get namespace(): Namespace {
    return this.stage.namespace;
  }

  async apply(spec: SequentialJobSpec): Promise<void> {
    this.#wanted = spec;
    this.created = await this.#create(spec);
    expectFields(this.created.spec, spec);
    this.stage.name(this.created.metadata.uid, this.name);
  }

  async #create(spec: SequentialJobSpec): Promise<SequentialJob> {
    if (this.version === 'v1beta1') return this.namespace.apply(this.name, spec);
    await this.namespace.createObject(V1ALPHA1_SEQUENTIAL_JOBS, v1alpha1Manifest(this.name, spec));
    return this.namespace.get(this.name);
  }

  /** What the user wrote, and what both versions say of it now, is the same. */
  async expectAsWritten(): Promise<void> {
    const { name, namespace } = this;
    const wanted = this.#wanted ?? { steps: [] };
    const [inV1beta1, inV1alpha1] = await Promise.all([
      namespace.get(name),
      namespace.getObject<SequentialJob>(V1ALPHA1_SEQUENTIAL_JOBS, name),
    ]);
    const { suspend: _, resume: __, ...spec } = wanted;
    expectFields(inV1beta1.spec, spec);
    expectFields(inV1alpha1.spec, specInV1alpha1(spec));
    expectFields({ status: inV1alpha1.status }, { status: inV1beta1.status });
  }

  /** The same with a folder in every step, in which `open` writes a file with the name of the sequence. */
  async applyGated(spec: SequentialJobSpec): Promise<void> {
    await this.apply(gated(this.stage.folder, spec));
  }

  async open(): Promise<void> {
    await writeFile(join(this.stage.folder, this.name), '');
  }

  /** Changes the steps of a gated sequence. */
  async changeGated(spec: SequentialJobSpec): Promise<void> {
    const wanted = gated(this.stage.folder, spec);
    this.#wanted = wanted;
    if (this.version === 'v1beta1') return this.#patch(SEQUENTIAL_JOBS, { steps: wanted.steps });
    const { containers, stepPolicies } = specInV1alpha1(wanted);
    await this.#patch(V1ALPHA1_SEQUENTIAL_JOBS, { containers, stepPolicies });
  }

  /** Changes fields that both versions have in the same place. */
  async patch(spec: Partial<Pick<SequentialJobSpec, 'suspend' | 'resume'>>): Promise<void> {
    await this.#patch(this.version === 'v1alpha1' ? V1ALPHA1_SEQUENTIAL_JOBS : SEQUENTIAL_JOBS, spec);
  }

  async #patch(resource: Resource, spec: object): Promise<void> {
    await this.namespace.patchObject(resource, this.name, { spec });
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

  /** Resolves when this of its Jobs counts an active Pod. */
  async untilActive(at = 0): Promise<void> {
    await eventually('an active Pod', async () => (await this.namespace.jobs(this.name))[at]?.status.active === 1);
  }

  async untilGone(): Promise<void> {
    await this.namespace.untilGone(this.name, LIMIT_S);
  }

  async untilEventCount(count: number): Promise<void> {
    await eventually(`${count} events`, async () => (await this.namespace.events(this.name)).length >= count);
  }
}
