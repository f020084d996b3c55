/** A schedule of every minute by the clock of the machine, with the controller as a process. */
import { expect, it } from '@jest/globals';
import { runName } from '../../shared/schedule/run-name.ts';
import { eventually } from '../support/eventually.ts';
import { everyMinute, isIdle, Schedules } from '../support/scheduled.ts';
import { sleep } from '../../shared/sleep.ts';
import { nextMinute, VirtualClock } from '../support/virtual-clock.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('minute', { flags: ['--metrics-port=0'] });
const schedules = new Schedules(here.namespace, new VirtualClock());

/** Milliseconds at the end of a minute in which the schedule is not created: that minute must not come meanwhile. */
const TAIL_MS = 10_000;

it('starts its run within a few seconds of the minute, and ends with exit code 0 on SIGTERM', async () => {
  const leftMs = Date.parse(nextMinute(Date.now())) - Date.now();
  if (leftMs < TAIL_MS) await sleep(leftMs + 1_000);
  const minute = nextMinute(Date.now());
  await schedules.apply('minute', everyMinute());
  // The minute itself, and the time of its run.
  const status = await eventually(
    'the run of the minute',
    async () => {
      const { status } = await schedules.get('minute');
      return status?.lastScheduleTime === minute && isIdle(status) ? status : undefined;
    },
    90,
  );
  expect(status.lastSuccessfulTime).toBeDefined();
  const run = await here.namespace.get(runName('minute', minute));
  const delayMs = Date.parse(run.metadata.creationTimestamp ?? '') - Date.parse(minute);
  expect(delayMs).toBeGreaterThanOrEqual(0);
  const families = await here.operator.metrics();
  const sampleOf = (name: string): number | undefined =>
    families.get(name)?.samples.find((sample) => sample.name === name)?.value;
  expect(sampleOf('sequentialjob_schedule_runs_started_total')).toBe(1);
  expect(await here.operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(here.operator.says('"msg":"stopped"')).toBe(true);
}, 120_000);
