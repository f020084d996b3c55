/** A started sequence whose spec is edited where no webhook is asked: it runs on with the recorded spec, and says so. */
import { describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { CONTROLLER_REVISIONS } from '../../shared/kube/resources.ts';
import { BYPASSED } from '../support/admission.ts';
import type { RawJob } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('bypassed', { labels: BYPASSED });
const { namespace } = here;

const spec = (name: string, second: string, more: Partial<SequentialJobSpec> = {}): SequentialJobSpec =>
  gated(here.folder, sequence(3, { 0: waitsFor(name), 1: second }, more));

async function start(name: string, metadata: object = {}): Promise<void> {
  await namespace.apply(name, spec(name, 'echo recorded'), metadata);
  await namespace.untilRunning(name, 0);
}

/** Edits the second step. */
async function edit(name: string, more: object = {}): Promise<void> {
  await namespace.patch(name, { spec: { steps: spec(name, 'echo edited').steps, ...more } });
}

async function records(name: string): Promise<readonly RawJob[]> {
  const all = await namespace.list<RawJob>(CONTROLLER_REVISIONS);
  return all.filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
}

/** The sequence runs to its end as it was recorded, each step once, and an event names the field that was edited. */
async function expectRunAsRecorded(name: string): Promise<void> {
  const event = { type: 'Warning', message: expect.stringContaining('spec.steps[1].command[2]'), count: 1 };
  expect(await namespace.untilEvent(name, 'SpecChanged')).toMatchObject(event);
  await here.open(name);
  expect((await namespace.untilCompleted(name)).progress?.summary).toBe('3/3');
  const jobs = await namespace.jobs(name);
  const scripts = jobs.map((job) => job.spec.template.spec.containers[0]?.command.at(-1));
  expect(scripts).toEqual([waitsFor(name), 'echo recorded', 'true']);
}

describe('a later step that is edited', () => {
  it.each<readonly [when: string, name: string, act: (name: string) => Promise<void>]>([
    ['while a controller runs', 'edited', edit],
    [
      'before the controller is killed',
      'killed',
      async (name) => {
        await edit(name);
        await namespace.untilEvent(name, 'SpecChanged');
        await here.restart();
      },
    ],
    [
      'while no controller runs',
      'unseen',
      async (name) => {
        await here.crash();
        await edit(name);
        await here.restart();
      },
    ],
  ])('keeps its recorded spec: %s', async (_when, name, act) => {
    await start(name);
    await act(name);
    await expectRunAsRecorded(name);
    expect(await namespace.recordedEvents(name, 'SpecChanged')).toHaveLength(1);
  });

  it('keeps the recorded spec if a client set our finalizer, as if admission had not been bypassed', async () => {
    await start('posing', { finalizers: [FINALIZER] });
    await here.crash();
    await edit('posing');
    await here.restart();
    await expectRunAsRecorded('posing');
  });

  it('uses the edited spec once updatePolicy allows the edit', async () => {
    await start('allowed');
    await edit('allowed');
    await namespace.untilEvent('allowed', 'SpecChanged');
    await edit('allowed', { updatePolicy: 'FutureSteps' });
    await namespace.untilObserved('allowed', 3);
    await here.restart();
    await here.open('allowed');
    await namespace.untilFinished('allowed');
    const [, second] = await namespace.jobs('allowed');
    expect(second?.spec.template.spec.containers[0]?.command.at(-1)).toBe('echo edited');
  });
});

describe('fields that are always mutable', () => {
  it('are applied even if the same edit changes immutable fields, which are ignored', async () => {
    await start('both');
    await edit('both', { suspend: true, ttlSecondsAfterFinished: 600 });
    await namespace.untilEvent('both', 'SpecChanged');
    // A server that does not suspend Jobs lets the step run to its end first.
    if (!suspendsJobs) await here.open('both');
    await namespace.untilPhase('both', 'Suspended');
    await here.restart();
    await namespace.setSuspend('both', false);
    await expectRunAsRecorded('both');
    await namespace.patch('both', { spec: { ttlSecondsAfterFinished: 0 } });
    await namespace.untilGone('both', 30);
  });
});

describe('the ControllerRevision', () => {
  it('is owned by its sequence, is deleted with it, and is not used for another sequence of the same name', async () => {
    const { metadata } = await namespace.get('edited');
    expect((await records('edited')).map((one) => one.metadata.ownerReferences)).toEqual([
      [expect.objectContaining({ kind: 'SequentialJob', uid: metadata.uid, controller: true })],
    ]);
    await namespace.delete('edited');
    await namespace.untilGone('edited', 30);
    await eventually('no record', async () => (await records('edited')).length === 0);
    await namespace.apply('edited', { steps: [step('s0', 'echo anew')] });
    expect((await namespace.untilCompleted('edited')).progress?.summary).toBe('1/1');
  });
});
