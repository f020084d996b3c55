/** updatePolicy FutureSteps: steps that have not started follow the changed spec. */
import { describe, expect, it } from '@jest/globals';
import type { Container } from '../../shared/api/types.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('future');
const { namespace } = here;

const start = async (name: string, count: number): Promise<void> => {
  const spec = sequence(count, { 0: waitsFor(name) }, { updatePolicy: 'FutureSteps' });
  await namespace.apply(name, gated(here.folder, spec));
  await namespace.untilRunning(name, 0);
};

/** Replaces the steps after the first. */
const change = async (name: string, ...later: readonly Container[]): Promise<void> => {
  const { steps } = gated(here.folder, { steps: [step('s0', waitsFor(name)), ...later] });
  await namespace.patch(name, { spec: { steps } });
};

async function expectRun(name: string, scripts: Readonly<Record<string, string>>): Promise<void> {
  await here.open(name);
  await namespace.untilCompleted(name);
  const jobs = await namespace.jobs(name);
  const ran = jobs.map(({ metadata, spec }) => [metadata.name, spec.template.spec.containers[0]?.command.at(-1)]);
  expect(Object.fromEntries(ran)).toEqual({ [`${name}-0-s0`]: waitsFor(name), ...scripts });
}

describe('later steps', () => {
  it('may change, be removed and be added while a step runs; the new spec is used, and one Event reports the change', async () => {
    await start('changed', 3);
    await change('changed', step('s1', 'echo other'), step('s3', 'echo added'), step('s4'));
    const { status } = await namespace.untilObserved('changed', 2);
    expect(status).toMatchObject({ phase: 'Running', progress: { currentIndex: 0, summary: '0/4' } });
    const scripts = { 'changed-1-s1': 'echo other', 'changed-2-s3': 'echo added', 'changed-3-s4': 'true' };
    await expectRun('changed', scripts);
    expect(await namespace.untilEvent('changed', 'SpecChanged')).toMatchObject({ type: 'Warning', count: 1 });
    expect(await namespace.recordedEvents('changed', 'SpecChanged')).toHaveLength(1);
  });

  it('may change while no controller runs', async () => {
    await start('unseen', 3);
    await here.crash();
    await change('unseen', step('s1', 'echo unseen'));
    await here.restart();
    await expectRun('unseen', { 'unseen-1-s1': 'echo unseen' });
  });

  it('may be added after the last step while it runs', async () => {
    await start('longer', 1);
    await change('longer', step('s1', 'echo more'));
    await expectRun('longer', { 'longer-1-s1': 'echo more' });
  });
});
