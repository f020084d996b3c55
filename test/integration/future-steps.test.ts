/** updatePolicy FutureSteps: the steps to come follow the spec as it has become. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Container } from '../../shared/api/types.ts';
import { tryKubectl } from '../support/cluster.ts';
import { withController } from '../support/with-controller.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';

const here = withController('future');

const FUTURE = { updatePolicy: 'FutureSteps' } as const;
const ACCEPTED = 'Spec change accepted: it applies to the remaining steps';

/** What these steps are called in a `gated` sequence. */
const containersOf = (...steps: readonly Container[]): object => ({
  spec: { containers: gated(here.folder, { containers: steps }).containers },
});

async function scripts(name: string): Promise<readonly (string | undefined)[]> {
  const jobs = await here.namespace.jobs(name);
  return jobs.map(({ spec }) => spec.template.spec.containers[0]?.command.at(-1));
}

const start = async (name: string): Promise<void> => {
  await here.namespace.apply(name, gated(here.folder, sequence(3, { 0: waitsFor(name) }, FUTURE)));
  await here.namespace.untilRunning(name, 0);
};

describe('the steps to come of a sequence that runs', () => {
  beforeAll(() => start('changed'));

  it('may change, be taken away and be added', async () => {
    const changed = containersOf(
      step('s0', waitsFor('changed')),
      step('s1', 'echo other'),
      step('s3', 'echo added'),
      step('s4'),
    );
    await here.namespace.patch('changed', changed);
    const { status } = await here.namespace.until('changed', (object) => object.status?.observedGeneration === 2);
    expect(status).toMatchObject({ phase: 'Running', progress: { currentIndex: 0, summary: '0/4' } });
    expect(await here.namespace.untilEvent('changed', 'SpecChanged')).toMatchObject({
      type: 'Warning',
      message: ACCEPTED,
      count: 1,
    });
  });

  it('are held as soon as they are reached', async () => {
    const body = containersOf(step('s0', 'true'), step('s1'));
    const args = ['patch', 'sj', 'changed', '-n', here.namespace.name, '--type=merge', '-p', JSON.stringify(body)];
    const { code, stderr } = await tryKubectl(args);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'The SequentialJob "changed" is invalid: spec.containers[0].command[2]: Invalid value: "true": ' +
        'field is immutable once the sequence has reached the step; to change it, delete the SequentialJob and create it anew\n',
    );
  });

  it('run as they have become', async () => {
    await here.open('changed');
    const { status } = await here.namespace.untilFinished('changed');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '4/4' } });
    const names = ['changed-0-s0', 'changed-1-s1', 'changed-2-s3', 'changed-3-s4'];
    expect(await here.namespace.jobNames('changed')).toEqual(names);
    expect(await scripts('changed')).toEqual([waitsFor('changed'), 'echo other', 'echo added', 'true']);
    expect(await here.namespace.recordedEvents('changed', 'SpecChanged')).toEqual([['SpecChanged', ACCEPTED, 1]]);
  });
});

describe('a change while no controller is there', () => {
  it('is followed all the same', async () => {
    await start('unseen');
    await here.crash();
    await here.namespace.patch('unseen', containersOf(step('s0', waitsFor('unseen')), step('s1', 'echo unseen')));
    await here.restart();
    await here.open('unseen');
    const { status } = await here.namespace.untilFinished('unseen');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '2/2' } });
    expect(await scripts('unseen')).toEqual([waitsFor('unseen'), 'echo unseen']);
  });
});

describe('a sequence that has come to its last step', () => {
  it('goes on when steps are added behind it', async () => {
    const spec = gated(here.folder, sequence(1, { 0: waitsFor('longer') }, FUTURE));
    await here.namespace.apply('longer', spec);
    await here.namespace.untilRunning('longer', 0);
    await here.namespace.patch('longer', containersOf(step('s0', waitsFor('longer')), step('s1', 'echo more')));
    await here.open('longer');
    const { status } = await here.namespace.untilFinished('longer');
    expect(status?.progress?.summary).toBe('2/2');
  });
});
