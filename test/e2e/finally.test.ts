/** `finally`, results and claims on a real cluster, with real Pods. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { OUTCOME_ANNOTATIONS } from '../../shared/api/group.ts';
import type { Container, SequentialJobSpec, SequentialJobStatus } from '../../shared/api/types.ts';
import { withRealPods } from '../support/real-pods.ts';
import { step } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const cluster = withRealPods('finally');
const { namespace } = cluster;
const folder = temporaryFolder();

const NOTE = 'note() { read -r now idle </proc/uptime; echo "$now $1" >>/runs/times; }';

const withFolder = (container: Container): Container => ({
  ...container,
  volumeMounts: [{ name: 'runs', mountPath: '/runs' }],
});

const fromAnnotation = (name: string, key: string): object => ({
  name,
  valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${key}']` } },
});

const logOf = async (job: string): Promise<string> => (await cluster.kubectl('logs', `job/${job}`)).trim();

const states = ({ finally: steps = [] }: SequentialJobStatus): readonly string[] =>
  steps.map(({ name, state }) => `${name} ${state}`);

describe('a sequence that its deadline ends', () => {
  it('is cleaned up when the container that was running has ended, and not before', async () => {
    const spec: SequentialJobSpec = {
      activeDeadlineSeconds: 5,
      steps: [
        withFolder(step('load', `${NOTE}; trap "note told; sleep 4; note ended; exit 143" TERM; sleep 600 & wait $!`)),
        step('never'),
      ],
      finally: [
        {
          ...withFolder(step('cleanup', `${NOTE}; note cleanup; echo "cleaning up after $STEP: $REASON"`)),
          env: [
            fromAnnotation('STEP', OUTCOME_ANNOTATIONS.failedStep),
            fromAnnotation('REASON', OUTCOME_ANNOTATIONS.failureReason),
          ],
        } as SequentialJobSpec['steps'][number],
        { ...step('publish'), when: 'Succeeded' },
      ],
      template: { spec: { containers: [], volumes: [{ name: 'runs', hostPath: { path: folder } }] } },
    };
    await namespace.apply('deadline', spec);
    const { status = {} } = await namespace.untilFinished('deadline', 120);
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'DeadlineExceeded', failedIndex: 0 } });
    expect(states(status)).toEqual(['cleanup Succeeded', 'publish Skipped']);
    expect(await logOf('deadline-finally-0-cleanup')).toBe('cleaning up after load: DeadlineExceeded');
    const times = readFileSync(join(folder, 'times'), 'utf8').trim().split('\n');
    expect(times.map((line) => line.split(' ')[1])).toEqual(['told', 'ended', 'cleanup']);
  });
});

describe('finally after a success', () => {
  it('runs its steps one after another, and a kill of the controller starts none twice', async () => {
    const last = [step('first', 'sleep 5; echo first'), step('second', 'echo second')];
    await namespace.apply('killed', { steps: [step('only')], finally: last });
    await namespace.until('killed', ({ status }) => status?.finally?.[0]?.state === 'Running', 120);
    await cluster.kill();
    await cluster.untilJobEnds('killed-finally-0-first');
    await cluster.startAgain();
    expect(states(await namespace.untilCompleted('killed', 120))).toEqual(['first Succeeded', 'second Succeeded']);
    const jobs = ['killed-0-only', 'killed-finally-0-first', 'killed-finally-1-second'];
    expect(await namespace.jobNames('killed')).toEqual(jobs);
    for (const job of jobs) expect(await cluster.podsOf(job)).toHaveLength(1);
  });
});
