/** CronSequentialJobs and the webhook behind a real API server, with kubectl. What it says to each request: test/golden/admission. */
import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { SCHEDULE_DEFAULTS, type CronSequentialJob } from '../../shared/api/schedule.ts';
import { CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { CommandResult } from '../support/cluster.ts';
import { ROOT } from '../support/manifests.ts';
import { refusalOf } from '../support/refusal.ts';
import { scheduleManifest } from '../support/sequences.ts';
import { withNamespace } from '../support/with-controller.ts';

const { namespace } = withNamespace('schedule-admission');

type Json = Readonly<Record<string, unknown>>;

const STEP = { name: 'load', image: 'busybox:1.36' };
const schedule = (name: string, own: Json = {}, run: Json = { steps: [STEP] }): object =>
  scheduleManifest(name, { schedule: '30 2 * * *', sequentialJobTemplate: { spec: run }, ...own });

const apply = (object: object, ...flags: readonly string[]): Promise<CommandResult> =>
  namespace.kubectl(['apply', ...flags, '-f', '-'], object);
const stored = (name: string): Promise<CronSequentialJob> => namespace.getObject(CRON_SEQUENTIAL_JOBS, name);
const PASSES = { code: 0, stderr: '' };

/** With faults that a schema sees and faults that it does not: the API server alone would report only the former. */
const FAULTY = schedule(
  'faulty',
  { schedule: '30 25 * * *', timeZone: 'Europe/Berln', failedJobsHistoryLimit: -1 },
  {
    steps: [
      { ...STEP, image: 'a b' },
      { ...STEP, name: 'load' },
    ],
    job: { backoffLimit: -1 },
  },
);
const TEMPLATE = 'spec.sequentialJobTemplate.spec';

describe('an invalid schedule', () => {
  it.each(['apply', 'apply --dry-run=server', 'create'])(
    'is denied by kubectl %s with all of its errors',
    async (command) => {
      const { code, stderr } = await namespace.kubectl([...command.split(' '), '-f', '-'], FAULTY);
      expect(code).toBe(1);
      expect(stderr.split('\n').map((line) => line.split(': ')[0])).toEqual([
        'The CronSequentialJob "faulty" is invalid',
        '* spec.schedule',
        '* spec.failedJobsHistoryLimit',
        `* ${TEMPLATE}.steps[0].image`,
        `* ${TEMPLATE}.steps[1].name`,
        `* ${TEMPLATE}.job.backoffLimit`,
        '',
      ]);
    },
  );

  it('is denied for an unknown time zone', async () => {
    expect(await apply(schedule('zoned', { timeZone: 'Europe/Berln' }))).toEqual(
      refusalOf(
        'CronSequentialJob',
        'zoned',
        'spec.timeZone: Invalid value: "Europe/Berln": must be a name of the IANA time zone database, such as Europe/Berlin',
      ),
    );
  });

  it('is denied when it is changed so, and what was stored stays', async () => {
    expect(await apply(schedule('changed'))).toMatchObject(PASSES);
    const { code, stderr } = await apply(schedule('changed', { schedule: '@every 1s' }));
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('spec.schedule: Invalid value'),
    });
    expect((await stored('changed')).spec.schedule).toBe('30 2 * * *');
    expect(await apply(schedule('changed', { schedule: '@hourly', timeZone: 'Asia/Kolkata' }))).toMatchObject(PASSES);
  });
});

describe('a valid schedule', () => {
  it('is stored with its defaults, its template as it was written, and without a finalizer', async () => {
    expect(await apply(schedule('small'))).toMatchObject(PASSES);
    const { metadata, spec } = await stored('small');
    expect(spec).toEqual({
      ...SCHEDULE_DEFAULTS,
      schedule: '30 2 * * *',
      sequentialJobTemplate: { spec: { steps: [STEP] } },
    });
    expect(metadata.finalizers).toBeUndefined();
  });

  it('stays as it is when it is applied again', async () => {
    await apply(schedule('again'));
    const before = await stored('again');
    expect((await apply(schedule('again'))).stdout).toContain('unchanged');
    expect((await stored('again')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('is accepted by server-side apply, which owns only the fields that were applied', async () => {
    expect(await apply(schedule('applied'), '--server-side')).toMatchObject({ code: 0 });
    expect((await stored('applied')).spec.concurrencyPolicy).toBe('Allow');
  });

  it('is accepted with warnings, which kubectl prints', async () => {
    const { code, stderr } = await apply(
      schedule('warned', { schedule: '0 0 31 2 *' }, { steps: [STEP], suspend: true }),
    );
    expect(code).toBe(0);
    expect(stderr.split('\n').map((line) => line.split(': ').slice(0, 2).join(': '))).toEqual([
      'Warning: spec.schedule',
      `Warning: ${TEMPLATE}.suspend`,
      '',
    ]);
  });

  it('is the sample', async () => {
    const file = join(ROOT, 'config/samples/nightly.yaml');
    expect(await namespace.kubectl(['apply', '--dry-run=server', '-f', file])).toMatchObject(PASSES);
  });
});
