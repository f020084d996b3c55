/** The screens of `status cron/NAME` as golden text: test/golden/cli/schedules; UPDATE_GOLDEN=1 writes it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { commandsFor } from '../../../../cli/schedule/next-commands.ts';
import { renderSchedule } from '../../../../cli/schedule/render-schedule.ts';
import { toScheduleView } from '../../../../cli/schedule/schedule-view.ts';
import { paintAll } from '../../../../cli/status/style.ts';
import { loadWidths, widthOf } from '../../../../cli/status/text-width.ts';
import { API_VERSION, CRON } from '../../../../shared/api/group.ts';
import type { CronSequentialJob, ScheduleCondition } from '../../../../shared/api/schedule.ts';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import { buildRun } from '../../../../shared/schedule/run.ts';
import { runName } from '../../../../shared/schedule/run-name.ts';
import { expectText, fileOf, TEXT_FOLDER, visible } from '../../../support/golden-text.ts';
import { at, container, NAMESPACE, NOW_MS, UID } from '../../../support/objects.ts';
import { SHOWN } from '../../../support/shown-sequences.ts';

await loadWidths();

const DAY = 24 * 3600;

const condition = (status: 'True' | 'False', reason: string, message: string): ScheduleCondition => ({
  type: 'Available',
  status,
  reason,
  message,
  lastTransitionTime: at(-DAY),
});

function schedule(change: { readonly spec?: object; readonly metadata?: object; readonly status?: object } = {}) {
  return {
    apiVersion: API_VERSION,
    kind: CRON.kind,
    metadata: {
      name: 'nightly',
      namespace: NAMESPACE,
      uid: UID,
      resourceVersion: '7',
      generation: 1,
      ...change.metadata,
    },
    spec: {
      schedule: '30 2 * * *',
      timeZone: 'Europe/Berlin',
      sequentialJobTemplate: { spec: { steps: [container('extract')] } },
      ...change.spec,
    },
    status: {
      observedGeneration: 1,
      conditions: [condition('True', 'Scheduled', 'Runs are started')],
      nextScheduleTime: at(15.5 * 3600),
      ...change.status,
    },
  } as CronSequentialJob;
}

/** A run whose status is that of a sequence in this situation. */
function run(
  of: CronSequentialJob,
  name: { readonly day: number } | string,
  situation: keyof typeof SHOWN,
): SequentialJob {
  const day = typeof name === 'string' ? 0 : name.day;
  const scheduledTime = toTimestamp(Date.parse('2026-11-02T01:30:00Z') + day * DAY * 1000);
  const options =
    typeof name === 'string'
      ? { name, manual: true as const }
      : { name: runName('nightly', scheduledTime), scheduledTime };
  const built = buildRun(of, options);
  const { status, spec } = SHOWN[situation]?.object ?? {};
  const creationTimestamp = typeof name === 'string' ? at(-60) : scheduledTime;
  return { ...built, spec, status, metadata: { ...built.metadata, creationTimestamp } } as SequentialJob;
}

const plain = schedule();
const days = (count: number): readonly SequentialJob[] =>
  Array.from({ length: count }, (_, day) => run(plain, { day: -1 - day }, 'a completed sequence'));

const CASES: Readonly<Record<string, readonly [CronSequentialJob, readonly SequentialJob[]]>> = {
  'a schedule with runs': [
    schedule({ status: { active: [{ name: 'nightly-29700090', uid: 'r', scheduledTime: at(-8.5 * 3600) }] } }),
    [
      run(plain, { day: 0 }, 'a running step'),
      run(plain, { day: -1 }, 'a failed sequence'),
      run(plain, 'nightly-now', 'a completed sequence'),
      ...days(12).slice(1),
    ],
  ],
  'a schedule without runs': [schedule({ spec: { timeZone: undefined, schedule: '@hourly' } }), []],
  'a schedule that is suspended': [schedule({ spec: { suspend: true } }), days(1)],
  'a schedule whose runs are refused': [
    schedule({
      status: {
        conditions: [
          condition(
            'False',
            'RunRejected',
            'The API server refuses nightly-29700090: ' + 'the image is not allowed here. '.repeat(4),
          ),
        ],
      },
    }),
    days(1),
  ],
  'a schedule that is being deleted': [schedule({ metadata: { deletionTimestamp: at(-5) } }), days(1)],
  'a schedule that no operator has seen': [
    schedule({ status: { observedGeneration: undefined, conditions: undefined, nextScheduleTime: undefined } }),
    [],
  ],
  'a schedule whose time never comes': [
    schedule({ spec: { schedule: '0 0 31 2 *' }, status: { nextScheduleTime: undefined } }),
    [],
  ],
};

describe('the screen of', () => {
  it.each(Object.entries(CASES))('%s', (what, [object, runs]) => {
    const view = toScheduleView(object, runs, NOW_MS);
    const next = commandsFor(view, { program: 'kubectl sequentialjob', clusterFlags: [] });
    const render = (width: number | undefined) => renderSchedule(view, { width, next });
    expectText(join('schedules', fileOf(what)), {
      '80 columns': visible(render(80)),
      '140 columns': visible(render(140)),
      '80 columns, with color': visible(render(80), true),
      'no terminal': visible(render(undefined)),
    });
  });

  it('all of them has no line that is wider than the terminal, but for commands', () => {
    for (const [object, runs] of Object.values(CASES)) {
      for (const width of [40, 60, 80, 140]) {
        const lines = paintAll(renderSchedule(toScheduleView(object, runs, NOW_MS), { width, next: [] }), false);
        expect(lines.split('\n').filter((line) => widthOf(line) > width)).toEqual([]);
      }
    }
  });

  it('no case is missing', () => {
    const names = Object.keys(CASES).map((what) => `${fileOf(what)}.txt`);
    expect(readdirSync(join(TEXT_FOLDER, 'schedules')).toSorted()).toEqual(names.toSorted());
  });
});
