/** Steps that hand results on: termination messages that later steps read by the downward API. */
import { describe, expect, it } from '@jest/globals';
import { RESULT_PREFIX } from '../../shared/api/group.ts';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import { failsOnce, gated, handsOn, sequence, step, waitsFor, withResults } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('results');
const { namespace } = here;

const chain = (...steps: readonly Container[]): SequentialJobSpec => ({ steps, job: { backoffLimit: 0 } });

/** What the Pod of the step got, as its annotations. */
async function annotationsOf(name: string, index: number): Promise<Readonly<Record<string, string>>> {
  const jobs = await namespace.jobs(name);
  const { annotations = {} } = jobs[index]?.spec.template.metadata ?? {};
  return annotations;
}

describe('a result', () => {
  it('is read by later steps as a variable, and by no other', async () => {
    const says = '[ "$s0" = "4711 rows" ] && [ "$s1" = "" ]';
    const spec = chain(
      step('s0', handsOn('4711 rows')),
      withResults(step('s1', '[ "$s0" = "4711 rows" ]'), 's0'),
      step('s2'),
      withResults(step('s3', says), 's0', 's1'),
    );
    await namespace.apply('handed', spec);
    const { steps } = await namespace.untilCompleted('handed');
    expect(steps?.map(({ result }) => result)).toEqual(['4711 rows', undefined, undefined, undefined]);
    const handed = { [`${RESULT_PREFIX}s0`]: '4711 rows' };
    const found = await Promise.all([0, 1, 2, 3].map(async (index) => annotationsOf('handed', index)));
    expect(found).toEqual([{}, handed, {}, handed]);
  });

  it('is read as a file, with its line ends', async () => {
    const fieldPath = `metadata.annotations['${RESULT_PREFIX}s0']`;
    const volume = { name: 'results', downwardAPI: { items: [{ path: 'rows', fieldRef: { fieldPath } }] } };
    const reads = {
      ...step('s1', '[ "$(cat /results/rows; echo .)" = "$(printf "a\\nb\\n"; echo .)" ]'),
      volumeMounts: [{ name: 'results', mountPath: '/results' }],
    };
    const template = { spec: { containers: [], volumes: [volume] } };
    await namespace.apply('files', {
      ...chain(step('s0', 'printf "a\\nb\\n" > /dev/termination-log'), reads),
      template,
    });
    const { steps } = await namespace.untilCompleted('files');
    expect(steps?.[0]).toMatchObject({ result: 'a\nb\n', message: 'a\nb' });
  });

  it('of 4096 bytes is kept whole, although the message in the status is cut', async () => {
    const fills = 'head -c 4096 /dev/zero | tr "\\0" x > /dev/termination-log';
    const spec = chain(step('s0', fills), withResults(step('s1', '[ "${#s0}" = 4096 ]'), 's0'));
    await namespace.apply('whole', spec);
    const { steps } = await namespace.untilCompleted('whole');
    expect(steps?.[0]?.result).toBe('x'.repeat(4096));
    expect(steps?.[0]?.message?.length).toBeLessThan(1025);
  });

  it('of any bytes does no harm', async () => {
    const garbage =
      'printf "\\033[31mred\\000\\377" > /dev/termination-log; head -c 4000 /dev/urandom >> /dev/termination-log';
    const spec = chain(step('s0', garbage), withResults(step('s1', '[ "${s0#red}" != "$s0" ]'), 's0'));
    await namespace.apply('garbage', spec);
    const { steps } = await namespace.untilCompleted('garbage');
    const result = steps?.[0]?.result ?? '';
    expect(result).toMatch(/^red\uFFFD/);
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(result).not.toMatch(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/);
    expect(Buffer.byteLength(result)).toBeLessThanOrEqual(4096);
    expect(await annotationsOf('garbage', 1)).toEqual({ [`${RESULT_PREFIX}s0`]: result });
  });

  it('of a step that failed, and the log of one without a message, read as nothing', async () => {
    const spec = chain(
      { ...step('s0', `${handsOn('no')}; exit 1`), onFailure: 'Continue' } as Container,
      step('s1', 'echo logged'),
      withResults(step('s2', '[ "$s0$s1" = "" ]'), 's0', 's1'),
    );
    await namespace.apply('nothing', spec);
    const { steps } = await namespace.untilCompleted('nothing');
    expect(steps?.map(({ state, result }) => [state, result])).toEqual([
      ['Failed', undefined],
      ['Succeeded', undefined],
      ['Succeeded', undefined],
    ]);
  });

  it('outlives a resume, and a controller that dies while the next step runs', async () => {
    const spec = gated(
      here.folder,
      chain(
        step('s0', handsOn('kept')),
        withResults(step('s1', `${failsOnce('resumed')}; ${waitsFor('later')}; [ "$s0" = kept ]`), 's0'),
        withResults(step('s2', '[ "$s0" = kept ]'), 's0'),
      ),
    );
    await namespace.apply('resumed', spec);
    await namespace.untilPhase('resumed', 'Failed');
    await namespace.resume('resumed', 1);
    await namespace.untilRunning('resumed', 1);
    await here.restart();
    await here.open('later');
    const { steps } = await namespace.untilCompleted('resumed');
    expect(steps?.map(({ result }) => result)).toEqual(['kept', undefined, undefined]);
  });

  it('was not kept if nobody referred to it when its step ended', async () => {
    const first = gated(here.folder, chain(step('s0', handsOn('lost')), step('s1', waitsFor('changed')), step('s2')));
    await namespace.apply('changed', { ...first, updatePolicy: 'FutureSteps' });
    await namespace.untilRunning('changed', 1);
    const [, , last = step('s2')] = first.steps;
    const reads = withResults({ ...last, command: ['sh', '-c', '[ "$s0" = "" ] && [ "$s1" = "" ]'] }, 's0', 's1');
    await namespace.patch('changed', { spec: { steps: [...first.steps.slice(0, 2), reads] } });
    await here.open('changed');
    const { steps } = await namespace.untilCompleted('changed');
    expect(steps?.[0]).toMatchObject({ message: 'lost' });
    expect(steps?.[0]).not.toHaveProperty('result');
  });
});

describe('a reference', () => {
  it('to a later step is refused, in the paths of the version', async () => {
    const spec = chain(withResults(step('s0'), 's1'), step('s1'));
    await expect(namespace.apply('forward', spec)).rejects.toThrow(
      'spec.steps[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.annotations[\'results.batch.example.com/s1\']": must name an earlier step',
    );
    expect(await namespace.has('forward')).toBe(false);
  });

  it('costs a sequence without references nothing: their Jobs have no annotations', async () => {
    await namespace.apply('plain', sequence(2, { 0: handsOn('unused') }));
    const { steps } = await namespace.untilCompleted('plain');
    expect(steps?.[0]).toMatchObject({ message: 'unused' });
    expect(steps?.[0]).not.toHaveProperty('result');
    expect(await annotationsOf('plain', 1)).toEqual({});
  });
});
