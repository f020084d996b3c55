/**
 * The definition of CronSequentialJob on a real API server: what its schema means there, and that validation here and there
 * agree. The webhook is bypassed: validation runs in this process. The server may be any supported release.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { CRON } from '../../shared/api/group.ts';
import { SCHEDULE_DEFAULTS, type CronSequentialJob } from '../../shared/api/schedule.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { collectionPath, CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { validateCronSequentialJob } from '../../shared/validation/schedule.ts';
import { BYPASSED } from '../support/admission.ts';
import { kubectl } from '../support/cluster.ts';
import { kstatusOf } from '../support/kstatus.ts';
import { scheduleManifest } from '../support/sequences.ts';
import { withNamespace } from '../support/with-controller.ts';
import { fieldsRefused } from '../support/refusal.ts';

const { client, namespace } = withNamespace('schedule-crd', BYPASSED);

type Json = Readonly<Record<string, unknown>>;

const DEFINITION = `${CRON.plural}.batch.example.com`;
const file = (folder: string): string => `config/crd/${folder}batch.example.com_${CRON.plural}.yaml`;
const STEP = { name: 'load', image: 'busybox:1.36' };
const RUN = { steps: [STEP] };
const schedule = (own: Json = {}, run: Json = RUN, name = 'nightly'): Json =>
  scheduleManifest(name, { schedule: '30 2 * * *', sequentialJobTemplate: { spec: run }, ...own });

beforeAll(async () => {
  await kubectl('apply', '-f', file(''));
  await kubectl('wait', '--for=condition=Established', `crd/${DEFINITION}`);
});

/** What the server would store. */
const dryRun = async (body: Json): Promise<CronSequentialJob> => {
  const path = collectionPath(CRON_SEQUENTIAL_JOBS, namespace.name);
  return client.request({ method: 'POST', path, query: { dryRun: 'All' }, body });
};

const refusedFields = async (body: Json): Promise<readonly string[]> => fieldsRefused(async () => dryRun(body));

test('client-side and server-side apply accept the CRD, and the server reports no problem with it', async () => {
  await kubectl('apply', '-f', file(''));
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', file(''));
  const { status } = JSON.parse(await kubectl('get', 'crd', DEFINITION, '-o', 'json')) as {
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
  };
  const conditions = Object.fromEntries(status.conditions.map((condition) => [condition.type, condition.status]));
  expect(conditions).toMatchObject({ Established: 'True', NamesAccepted: 'True' });
  expect(conditions).not.toHaveProperty('NonStructuralSchema');
});

test('the server accepts the CRD with rules, which a server before 1.25 drops', async () => {
  const applied = await kubectl('apply', '--dry-run=server', '--validate=false', '-f', file('cel/'));
  expect(applied).toContain(DEFINITION);
});

test('the server sets the defaults of the schedule, and none in the template', async () => {
  const { spec } = await dryRun(schedule());
  expect(spec).toEqual({ ...SCHEDULE_DEFAULTS, schedule: '30 2 * * *', sequentialJobTemplate: { spec: RUN } });
});

test('null of a field with a default is replaced by it', async () => {
  const { spec } = await dryRun(schedule({ suspend: null, failedJobsHistoryLimit: null }));
  expect(spec).toMatchObject(SCHEDULE_DEFAULTS);
});

test('every field is stored as it was written', async () => {
  const own = {
    timeZone: 'Europe/Berlin',
    startingDeadlineSeconds: 0,
    concurrencyPolicy: 'Replace',
    suspend: true,
    successfulJobsHistoryLimit: 0,
    failedJobsHistoryLimit: 0,
    sequentialJobTemplate: {
      metadata: { labels: { team: 'a' }, annotations: { note: 'b c' } },
      spec: {
        steps: [{ ...STEP, job: { backoffLimit: 0 }, pod: { nodeSelector: { disk: 'ssd' } }, onFailure: 'Continue' }],
        finally: [{ ...STEP, name: 'notify', when: 'Failed' }],
        template: { spec: { volumes: [{ name: 'a', emptyDir: {} }] } },
        activeDeadlineSeconds: 60,
        suspend: true,
      },
    },
  };
  expect((await dryRun(schedule(own))).spec).toEqual({ schedule: '30 2 * * *', ...own });
});

test.each<readonly [sentence: string, object: Json, field: string]>([
  ['no schedule', schedule({ schedule: undefined }), 'spec.schedule'],
  ['an empty schedule', schedule({ schedule: '' }), 'spec.schedule'],
  ['a schedule that is a number', schedule({ schedule: 5 }), 'spec.schedule'],
  ['an empty time zone', schedule({ timeZone: '' }), 'spec.timeZone'],
  ['an unknown policy', schedule({ concurrencyPolicy: 'Queue' }), 'spec.concurrencyPolicy'],
  ['a negative deadline', schedule({ startingDeadlineSeconds: -1 }), 'spec.startingDeadlineSeconds'],
  ['a negative limit', schedule({ successfulJobsHistoryLimit: -1 }), 'spec.successfulJobsHistoryLimit'],
  ['a limit above int32', schedule({ failedJobsHistoryLimit: 2 ** 31 }), 'spec.failedJobsHistoryLimit'],
  ['no template', schedule({ sequentialJobTemplate: undefined }), 'spec.sequentialJobTemplate'],
  ['a template without a spec', schedule({ sequentialJobTemplate: {} }), 'spec.sequentialJobTemplate.spec'],
  ['no steps', schedule({}, {}), 'spec.sequentialJobTemplate.spec.steps'],
  ['two steps with the same name', schedule({}, { steps: [STEP, STEP] }), 'spec.sequentialJobTemplate.spec.steps'],
  [
    'an invalid quantity of a step',
    schedule({}, { steps: [{ ...STEP, resources: { limits: { cpu: 'one' } } }] }),
    'spec.sequentialJobTemplate.spec.steps.resources.limits.cpu',
  ],
  ['a name of 53 characters', schedule({}, RUN, 'a'.repeat(53)), 'metadata.name'],
])('%s: rejected by the server for that field, and by validation', async (_sentence, object, field) => {
  expect(await refusedFields(object)).toContain(field);
  expect(validateCronSequentialJob(object)).not.toEqual([]);
});

test('a name of 52 characters is accepted', async () => {
  expect(await refusedFields(schedule({}, RUN, 'a'.repeat(52)))).toEqual([]);
});

test('a new object is InProgress for kstatus, and a status that the client sends with it is ignored', async () => {
  const created = await dryRun({ ...schedule(), status: { observedGeneration: 1, activeRuns: 3 } });
  expect(created.status).toEqual({ observedGeneration: -1 });
  expect(kstatusOf(created as unknown as SequentialJob)).toBe('InProgress');
});

test('kubectl explain shows our descriptions', async () => {
  expect(await kubectl('explain', 'csj.spec')).toMatch(/concurrencyPolicy\s+<string>/);
  const steps = await kubectl('explain', 'cronsequentialjob.spec.sequentialJobTemplate.spec.steps');
  expect(steps).toMatch(/The steps, in order\./);
});

test('kubectl prints the columns of a CronJob, and lists the schedule in "all"', async () => {
  await namespace.createObject(CRON_SEQUENTIAL_JOBS, schedule({ timeZone: 'Europe/Berlin' }, RUN, 'shown'));
  const time = new Date().toISOString();
  const path = `${collectionPath(CRON_SEQUENTIAL_JOBS, namespace.name)}/shown/status`;
  const available = { type: 'Available', status: 'True', reason: 'Scheduled', lastTransitionTime: time };
  const status = {
    observedGeneration: 1,
    activeRuns: 2,
    active: ['a', 'b'].map((name) => ({ name, scheduledTime: time })),
    lastScheduleTime: time,
    nextScheduleTime: '2030-01-01T01:30:00Z',
    conditions: [{ ...available, message: 'The next run starts soon' }],
  };
  await client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: { status } });
  const { stdout } = await namespace.kubectl(['get', 'csj', 'shown', '-o', 'wide']);
  const [head = '', row = ''] = stdout.split('\n');
  const columns = 'NAME,SCHEDULE,TIMEZONE,SUSPEND,ACTIVE,LAST SCHEDULE,AGE,LAST SUCCESS,NEXT,MESSAGE';
  expect(head.trim().split(/\s{2,}/)).toEqual(columns.split(','));
  const values = row.trim().split(/\s{2,}/);
  // There is no last success.
  expect(values.toSpliced(5, 2)).toEqual([
    'shown',
    '30 2 * * *',
    'Europe/Berlin',
    'false',
    '2',
    '2030-01-01T01:30:00Z',
    'The next run starts soon',
  ]);
  for (const age of values.slice(5, 7)) expect(age).toMatch(/^\d+s$/);
  expect((await namespace.kubectl(['get', 'all'])).stdout).toMatch('cronsequentialjob.batch.example.com/shown');
  await namespace.deleteObject(CRON_SEQUENTIAL_JOBS, 'shown');
});
