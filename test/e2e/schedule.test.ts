/** Schedules on a real cluster, with real Pods and the machine's own minutes. */
import { describe, expect, it } from '@jest/globals';
import { CRON } from '../../shared/api/group.ts';
import type { CronSequentialJob, CronSequentialJobSpec } from '../../shared/api/schedule.ts';
import { CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { runName } from '../../shared/schedule/run-name.ts';
import { kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { gated, withRealPods } from '../support/real-pods.ts';
import { scheduleManifest, sequence } from '../support/sequences.ts';

const MINUTE = 60_000;
/** Of waiting for the next minute, and for the Pods of a run. */
const PATIENCE_S = 150;
/** Until a deleted run is gone: its Pods go first, and a kubelet of 1.20 may keep one for minutes. */
const GONE_S = 300;

const cluster = withRealPods('schedule');
const { namespace } = cluster;

async function apply(name: string, spec: Omit<CronSequentialJobSpec, 'schedule'>): Promise<void> {
  const definition = `crd/${CRON.plural}.batch.example.com`;
  await kubectl('wait', '--for=condition=established', '--timeout=30s', definition);
  await namespace.createObject(CRON_SEQUENTIAL_JOBS, scheduleManifest(name, { ...spec, schedule: '* * * * *' }));
}

const get = (name: string): Promise<CronSequentialJob> => namespace.getObject(CRON_SEQUENTIAL_JOBS, name);

/** The names of the runs that exist, oldest first. */
async function runs(schedule: string): Promise<readonly string[]> {
  const text = await cluster.kubectl('get', 'sj', '-l', `batch.example.com/cronsequentialjob=${schedule}`, '-o=name');
  const names = text.split('\n').filter(Boolean);
  return names.map((name) => name.slice(name.indexOf('/') + 1)).toSorted();
}

const untilRuns = (schedule: string, count: number): Promise<readonly string[]> =>
  eventually(
    `${count} runs of ${schedule}`,
    async () => {
      const found = await runs(schedule);
      return found.length >= count && found;
    },
    PATIENCE_S,
  );

describe('a schedule of every minute', () => {
  it('runs its sequence at the minute, whole and once, also when the controller dies meanwhile', async () => {
    await apply('plain', { timeZone: 'Asia/Kathmandu', sequentialJobTemplate: { spec: sequence(2) } });
    const [first = ''] = await untilRuns('plain', 1);
    await cluster.kill();
    await cluster.startAgain();
    await namespace.untilCompleted(first);
    const { metadata } = await namespace.get(first);
    const time = metadata.annotations?.['batch.example.com/scheduled-time'] ?? '';
    expect(runName('plain', time)).toBe(first);
    expect(Date.parse(time) % MINUTE).toBe(0);
    expect(Date.parse(metadata.creationTimestamp ?? '') - Date.parse(time)).toBeLessThan(MINUTE);
    const [second] = (await untilRuns('plain', 2)).slice(1);
    expect(second).toBe(runName('plain', new Date(Date.parse(time) + MINUTE).toISOString()));
    await cluster.kubectl('delete', 'csj', 'plain', '--timeout=60s');
    await eventually('no run', async () => (await runs('plain')).length === 0, GONE_S);
    await namespace.untilNoJobs(first);
  }, 900_000);

  it('with Replace deletes the run that has not ended, with its Pods, before the next one starts', async () => {
    await apply('replaced', {
      concurrencyPolicy: 'Replace',
      sequentialJobTemplate: { spec: sequence(1, { 0: gated() }) },
    });
    const [first = ''] = await untilRuns('replaced', 1);
    const { metadata } = await cluster.untilPodRuns(first);
    const [second = ''] = await eventually(
      'another run',
      async () => {
        const found = await runs('replaced');
        if (found.includes(first) && found.length > 1) throw new Error(`${found.join(' and ')} at once`);
        return !found.includes(first) && found.length === 1 && found;
      },
      GONE_S,
    );
    expect(await namespace.podNames()).not.toContain(metadata.name);
    const { status } = await get('replaced');
    expect(status?.active?.map(({ name }) => name)).toEqual([second]);
    const events = await cluster.kubectl('describe', 'csj', 'replaced');
    expect(events).toMatch(/Normal\s+RunReplaced\s/);
    expect(await cluster.kubectl('get', 'csj', 'replaced')).toMatch(
      /^NAME +SCHEDULE +TIMEZONE +SUSPEND +ACTIVE +LAST SCHEDULE +AGE\n/,
    );
    await cluster.kubectl('delete', 'csj', 'replaced', '--timeout=60s');
  }, 900_000);
});
