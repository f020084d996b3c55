/** The commands for people with schedules, against a real API server. */
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CRON } from '../../shared/api/group.ts';
import type { CronSequentialJob } from '../../shared/api/schedule.ts';
import { CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { kubeconfig } from '../support/cluster.ts';
import { Command, type Ended } from '../support/command.ts';
import { eventually } from '../support/eventually.ts';
import { permit, writeKubeconfigAs } from '../support/permissions.ts';
import { scheduleManifest, sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const suite = withController('cli-schedule');
const { namespace } = suite;

const run = (command: string, file = kubeconfig()): Promise<Ended> =>
  Command.start([...command.split(' '), '-n', namespace.name], { KUBECONFIG: file, NO_COLOR: undefined }).ended;

const get = (name: string): Promise<CronSequentialJob> => namespace.getObject(CRON_SEQUENTIAL_JOBS, name);

beforeAll(async () => {
  const spec = {
    schedule: '@yearly',
    timeZone: 'Europe/Berlin',
    sequentialJobTemplate: { metadata: { labels: { team: 'data' } }, spec: sequence(2) },
  };
  await namespace.createObject(CRON_SEQUENTIAL_JOBS, scheduleManifest('yearly', spec));
  await eventually('its first status', async () => (await get('yearly')).status?.nextScheduleTime !== undefined);
});
afterEach(async () => Command.endAll());

describe('create', () => {
  it('starts a run of a schedule, which goes with the schedule but does not count for it', async () => {
    expect(await run('create by-hand --from=cron/yearly')).toMatchObject({
      code: 0,
      stdout: 'sequentialjob.batch.example.com/by-hand created\n',
      stderr: '',
    });
    await namespace.untilCompleted('by-hand');
    const { metadata } = await namespace.get('by-hand');
    expect(metadata.labels).toMatchObject({ team: 'data' });
    expect(metadata.ownerReferences).toMatchObject([{ kind: CRON.kind, name: 'yearly' }]);
    expect(metadata.ownerReferences?.[0]).not.toHaveProperty('controller');
    const { status } = await get('yearly');
    expect(status?.active ?? []).toEqual([]);
    expect(status).not.toHaveProperty('lastScheduleTime');
  });

  it('prints the new object with -o', async () => {
    const { stdout } = await run('create printed --from=csj/yearly -o json');
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'SequentialJob', metadata: { name: 'printed' } });
  });

  it.each<readonly [what: string, command: string, code: number, words: string]>([
    ['a schedule that does not exist', 'create x --from=cron/nobody', 1, 'cronsequentialjob "nobody" not found'],
    ['a name that is taken', 'create by-hand --from=cron/yearly', 1, 'already exists'],
    ['a name that is none', 'create B_ --from=cron/yearly', 1, 'B_'],
    ['a schedule without its kind', 'create x --from=yearly', 2, '--from must be cron/NAME, not "yearly"'],
    ['no schedule', 'create x', 2, '--from'],
    ['a name of another path', 'create x --from=cron/../yearly', 1, 'is no name of a CronSequentialJob'],
  ])('refuses %s in one line', async (_, command, code, words) => {
    const ended = await run(command);
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(words) });
    expect(ended.stderr.split('\n')).toHaveLength(2);
  });

  it('names the permission that is missing', async () => {
    await permit(namespace, 'reader', [
      { apiGroups: ['batch.example.com'], resources: ['cronsequentialjobs'], verbs: ['get'] },
    ]);
    const file = join(suite.folder, 'reader.yaml');
    await writeKubeconfigAs('reader', kubeconfig(), file);
    // The authorizer learns of the role by a watch.
    await eventually('the permission', async () => (await run('status cron/yearly -o name', file)).code === 0);
    const { code, stderr } = await run('create denied --from=cron/yearly', file);
    expect(code).toBe(1);
    expect(stderr).toContain('no permission to create sequentialjobs.batch.example.com in namespace');
  });
});

describe('status of a schedule', () => {
  it('has its runs and its next times', async () => {
    const { code, stdout, stderr } = await run('status cron/yearly');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`${namespace.name}/yearly  Scheduled: @yearly Europe/Berlin, no run is active\n`);
    expect(stdout).toMatch(/\nby-hand +by hand +Completed +2\/2 /);
    expect(stdout).toMatch(/\nNext times:\n {2}\d{4}-01-01T00:00:00\+01:00 {2}in \d+d/);
    expect(stdout).toContain(`  sequentialjob create yearly-now --from=cron/yearly -n ${namespace.name}\n`);
  });

  it('prints the object with -o', async () => {
    expect((await run('status cron/yearly -o name')).stdout).toBe('cronsequentialjob.batch.example.com/yearly\n');
    const { stdout } = await run('status cron/yearly -o json');
    expect(JSON.parse(stdout)).toMatchObject({ kind: CRON.kind, metadata: { name: 'yearly' } });
  });
});

describe('suspend and unsuspend', () => {
  it('take a schedule', async () => {
    const shown = 'cronsequentialjob.batch.example.com/yearly';
    expect((await run('suspend cron/yearly')).stdout).toBe(`${shown} suspended\n`);
    await eventually('no next time', async () => (await get('yearly')).status?.nextScheduleTime === undefined);
    expect((await run('status cron/yearly')).stdout).toContain('/yearly  Suspended: @yearly');
    expect((await run('suspend cron/yearly')).stdout).toBe(`${shown} already suspended\n`);
    expect((await run('unsuspend cron/yearly')).stdout).toBe(`${shown} unsuspended\n`);
    await eventually('a next time', async () => (await get('yearly')).status?.nextScheduleTime !== undefined);
  });

  it('resume does not', async () => {
    const { code, stderr } = await run('resume cron/yearly');
    expect(code).toBe(1);
    expect(stderr).toContain('cron/yearly is a schedule, which cannot fail: resume one of its runs');
  });
});
