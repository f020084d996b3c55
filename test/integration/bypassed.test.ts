/** A started sequence whose spec is edited where no webhook is asked: it runs on with what was recorded, and says so. */
import { describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import { getCondition } from '../../shared/conditions.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { collectionPath, CONTROLLER_REVISIONS } from '../../shared/kube/resources.ts';
import { BYPASSED } from '../support/admission.ts';
import type { RawJob } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('bypassed', BYPASSED);

const spec = (name: string, second: string, more: Partial<SequentialJobSpec> = {}): SequentialJobSpec =>
  gated(here.folder, sequence(3, { 0: waitsFor(name), 1: second }, more));

/** The second step, edited past everybody. */
const edited = (name: string, more: object = {}): object => ({
  spec: { containers: spec(name, 'echo edited').containers, ...more },
});

async function start(name: string, more: Partial<SequentialJobSpec> = {}, metadata: object = {}): Promise<void> {
  await here.namespace.apply(name, spec(name, 'echo recorded', more), metadata);
  await here.namespace.untilRunning(name, 0);
}

async function records(name: string): Promise<readonly RawJob[]> {
  const path = collectionPath(CONTROLLER_REVISIONS, here.namespace.name);
  const { items } = await here.client.request<{ items: readonly RawJob[] }>({ method: 'GET', path });
  return items.filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
}

const SAID =
  'Spec change ignored, because these fields are immutable once the sequence has started: spec.containers[1].command[2]: Invalid value: "echo edited": ' +
  'field is immutable after the sequence has started; with updatePolicy FutureSteps it may change';

/** The sequence ran to its end as it was recorded, each step once. */
async function expectRanOn(name: string): Promise<void> {
  const { status } = await here.namespace.untilFinished(name);
  expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '3/3' } });
  const jobs = await here.namespace.jobs(name);
  const scripts = jobs.map((job) => job.spec.template.spec.containers[0]?.command.at(-1));
  expect(scripts).toEqual([waitsFor(name), 'echo recorded', 'true']);
}

const untilSaid = (name: string) => here.namespace.untilEvent(name, 'SpecChanged');

describe('a later step that is edited', () => {
  it('runs as it was recorded, and the fault is told', async () => {
    await start('edited');
    await here.namespace.patch('edited', edited('edited'));
    expect(await untilSaid('edited')).toMatchObject({ type: 'Warning', message: SAID, count: 1 });
    await here.open('edited');
    await expectRanOn('edited');
    expect(await here.namespace.recordedEvents('edited', 'SpecChanged')).toEqual([['SpecChanged', SAID, 1]]);
    expect(await here.namespace.describe('edited')).toMatch(/Warning\s+SpecChanged\s.*is not followed/);
  });

  it('runs so also when the controller dies after the edit', async () => {
    await start('killed');
    await here.namespace.patch('killed', edited('killed'));
    await untilSaid('killed');
    await here.crash();
    await here.restart();
    await here.open('killed');
    await expectRanOn('killed');
    expect(await here.namespace.recordedEvents('killed', 'SpecChanged')).toEqual([['SpecChanged', SAID, 1]]);
  });

  it('runs so also when no controller was there during the edit', async () => {
    await start('unseen');
    await here.crash();
    await here.namespace.patch('unseen', edited('unseen'));
    await here.restart();
    expect((await untilSaid('unseen')).message).toBe(SAID);
    await here.open('unseen');
    await expectRanOn('unseen');
  });

  it('runs so also when it brought our finalizer along, as if a webhook had seen it', async () => {
    await start('posing', {}, { finalizers: [FINALIZER] });
    await here.crash();
    await here.namespace.patch('posing', edited('posing'));
    await here.restart();
    expect((await untilSaid('posing')).message).toBe(SAID);
    await here.open('posing');
    await expectRanOn('posing');
  });

  it('runs as edited once the edit was taken back and made in a legal way', async () => {
    await start('mended');
    await here.namespace.patch('mended', edited('mended'));
    await untilSaid('mended');
    await here.namespace.patch('mended', edited('mended', { updatePolicy: 'FutureSteps' }));
    await here.namespace.until('mended', ({ status }) => status?.observedGeneration === 3);
    await here.restart();
    await here.open('mended');
    await here.namespace.untilFinished('mended');
    const [, second] = await here.namespace.jobs('mended');
    expect(second?.spec.template.spec.containers[0]?.command.at(-1)).toBe('echo edited');
  });
});

describe('what may change at any time', () => {
  it('is followed although it came with an edit that is not', async () => {
    await start('both');
    await here.namespace.patch('both', edited('both', { suspend: true, ttlSecondsAfterFinished: 600 }));
    await untilSaid('both');
    // A server that cannot suspend Jobs lets the step come to its end first.
    if (!suspendsJobs) await here.open('both');
    const { status } = await here.namespace.untilPhase('both', 'Suspended');
    const where = suspendsJobs ? 'step 0 (s0)' : 'step 1 (s1)';
    expect(getCondition(status?.conditions, 'Suspended')?.message).toBe(`Suspended at ${where}`);
    await here.open('both');
    await here.restart();
    await here.namespace.patch('both', { spec: { suspend: false } });
    await expectRanOn('both');
    await here.namespace.patch('both', { spec: { ttlSecondsAfterFinished: 0 } });
    await here.namespace.untilGone('both', 30);
  });
});

describe('the record', () => {
  it('belongs to its sequence, and goes with it', async () => {
    const [record, ...others] = await records('edited');
    expect(others).toEqual([]);
    const { metadata } = await here.namespace.get('edited');
    expect(record?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'SequentialJob', uid: metadata.uid, controller: true }),
    ]);
    await here.namespace.delete('edited');
    await here.namespace.untilGone('edited', 30);
    await eventually('no record', async () => (await records('edited')).length === 0);
  });

  it('of one object is nothing to another of its name', async () => {
    await here.namespace.apply('edited', { containers: [step('s0', 'echo anew')] });
    const { status } = await here.namespace.untilFinished('edited');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '1/1' } });
  });
});
