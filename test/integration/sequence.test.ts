/** A sequence on a real control plane with a virtual node: from the first step to the last, or to the one that fails. */
import { describe, expect, it } from '@jest/globals';
import { LABELS } from '../../shared/api/group.ts';
import { getCondition } from '../../shared/conditions.ts';
import { endCondition, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { kstatusOf } from '../support/kstatus.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';

const here = withController('sequence');

describe('a sequence that succeeds', () => {
  it('runs its steps one after another and says so', async () => {
    await here.namespace.apply('etl', sequence(3));
    const { metadata, status } = await here.namespace.untilFinished('etl');

    expect(status?.phase).toBe('Completed');
    expect(status?.progress).toEqual({ completedIndices: [0, 1, 2], summary: '3/3' });
    expect(status?.state).toEqual({ active: 0, succeeded: 3, failed: 0 });
    expect(status?.observedGeneration).toBe(1);
    expect(Object.fromEntries((status?.conditions ?? []).map(({ type, status: is }) => [type, is]))).toEqual({
      Available: 'True',
      Progressing: 'False',
      Failed: 'False',
      Complete: 'True',
      Suspended: 'False',
      ResourcesUnavailable: 'False',
    });

    const jobs = await here.namespace.jobs('etl');
    expect(jobs.map((job) => job.metadata.name)).toEqual(['etl-0-s0', 'etl-1-s1', 'etl-2-s2']);
    expect(status?.steps?.map(({ state, jobName, jobUID }) => ({ state, jobName, jobUID }))).toEqual(
      jobs.map((job) => ({ state: 'Succeeded', jobName: job.metadata.name, jobUID: job.metadata.uid })),
    );
    for (const [i, job] of jobs.entries()) {
      expect(job.metadata.ownerReferences).toEqual([
        expect.objectContaining({
          uid: metadata.uid,
          kind: 'SequentialJob',
          controller: true,
          blockOwnerDeletion: true,
        }),
      ]);
      expect(job.metadata.labels).toMatchObject({
        [LABELS.name]: 'etl',
        [LABELS.uid]: metadata.uid,
        [LABELS.stepIndex]: String(i),
        [LABELS.stepName]: `s${i}`,
        [LABELS.managedBy]: 'sequentialjob-controller',
      });
      const before = jobs[i - 1];
      if (before !== undefined) {
        expect(Date.parse(job.metadata.creationTimestamp)).toBeGreaterThanOrEqual(
          Date.parse(before.status.completionTime ?? ''),
        );
      }
    }
  });

  it('tells its story in events, each once, in order', async () => {
    const events = await eventually('all events', async () => {
      const list = await here.namespace.events('etl');
      return list.length >= 8 ? list : undefined;
    });
    expect(
      events.map(({ type, reason, message, count }) => [type, reason, message.replace(/ in \d+s$/, ''), count]),
    ).toEqual([
      ['Normal', 'SequenceStarted', 'Started the sequence of 3 steps', 1],
      ['Normal', 'JobStarted', 'Started Job of step 0 (s0)', 1],
      ['Normal', 'JobCompleted', 'Completed Job of step 0 (s0)', 1],
      ['Normal', 'JobStarted', 'Started Job of step 1 (s1)', 1],
      ['Normal', 'JobCompleted', 'Completed Job of step 1 (s1)', 1],
      ['Normal', 'JobStarted', 'Started Job of step 2 (s2)', 1],
      ['Normal', 'JobCompleted', 'Completed Job of step 2 (s2)', 1],
      ['Normal', 'SequenceCompleted', 'All 3 steps completed', 1],
    ]);
  });

  it('can be waited for as a Job can', async () => {
    await expect(
      kubectl('wait', '-n', here.namespace.name, 'sj/etl', '--for=condition=complete', '--timeout=5s'),
    ).resolves.toContain('condition met');
  });

  it('shows in kubectl get by all its names', async () => {
    for (const name of ['sequentialjob', 'sequentialjobs', 'sj', 'seqjob']) {
      const [header, row] = (await kubectl('get', name, 'etl', '-n', here.namespace.name)).split('\n');
      expect(header?.trim().split(/\s+/)).toEqual(['NAME', 'STATUS', 'PROGRESS', 'STEP', 'AGE']);
      expect(row?.trim().split(/\s+/).slice(0, 3)).toEqual(['etl', 'Completed', '3/3']);
    }
    expect(await kubectl('get', 'all', '-n', here.namespace.name)).toContain('sequentialjob.batch.example.com/etl');
    expect(await kubectl('get', 'sj', 'etl', '-n', here.namespace.name, '-o', 'wide')).toContain(
      'All 3 steps completed',
    );
  });

  it('runs every step with the template around it', async () => {
    await here.namespace.apply('templated', {
      containers: [step('only', 'echo "$GREETING from $POD" > /dev/termination-log; exit 1')],
      template: {
        metadata: { labels: { team: 'data' }, annotations: { note: 'kept' } },
        spec: {
          initContainers: [step('prepare')],
          containers: [],
        },
      },
      backoffLimit: 0,
    });
    await here.namespace.untilFinished('templated');
    const pods = JSON.parse(
      await kubectl('get', 'pods', '-n', here.namespace.name, '-l', 'team=data', '-o', 'json'),
    ) as {
      items: { metadata: { annotations: object }; spec: { restartPolicy: string; containers: { name: string }[] } }[];
    };
    expect(pods.items).toHaveLength(1);
    expect(pods.items[0]?.metadata.annotations).toMatchObject({ note: 'kept' });
    expect(pods.items[0]?.spec).toMatchObject({ restartPolicy: 'Never', containers: [{ name: 'only' }] });
  });
});

describe('two sequences whose Jobs would have the same name', () => {
  it('both run, each with Jobs of its own', async () => {
    await here.namespace.apply('dwh', { containers: [step('first'), step('2-load')], backoffLimit: 0 });
    await here.namespace.apply('dwh-1', { containers: [step('a'), step('b'), step('load')], backoffLimit: 0 });
    const first = await here.namespace.untilFinished('dwh');
    const second = await here.namespace.untilFinished('dwh-1');
    expect([first.status?.phase, second.status?.phase]).toEqual(['Completed', 'Completed']);
    const [, load] = await here.namespace.jobNames('dwh');
    const [, , other] = await here.namespace.jobNames('dwh-1');
    expect(load).toMatch(/^dwh-1-2-load-[0-9a-z]{8}$/);
    expect(other).toMatch(/^dwh-1-2-load-[0-9a-z]{8}$/);
    expect(load).not.toBe(other);
  });
});

describe('kstatus, which Helm 4 and Flux wait by', () => {
  it.each([
    ['completes', sequence(1), 'Current'],
    ['fails', sequence(1, { 0: 'exit 1' }), 'Failed'],
  ] as const)('of a sequence that %s: in progress while it runs, then %s', async (what, spec, end) => {
    const scripts = { 0: waitsFor(`kstatus-${what}`) };
    const containers = [
      ...sequence(1, scripts).containers,
      ...spec.containers.map((one) => ({ ...one, name: 'last' })),
    ];
    await here.namespace.apply(`kstatus-${what}`, gated(here.folder, { ...spec, containers }));
    expect(kstatusOf(await here.namespace.untilRunning(`kstatus-${what}`, 0))).toBe('InProgress');
    await here.open(`kstatus-${what}`);
    expect(kstatusOf(await here.namespace.untilFinished(`kstatus-${what}`))).toBe(end);
  });
});

describe('a sequence that fails', () => {
  it.each([0, 1, 2])('stops at step %i and says why', async (failing) => {
    const name = `fails-at-${failing}`;
    await here.namespace.apply(name, sequence(3, { [failing]: 'exit 3' }));
    const { status } = await here.namespace.untilFinished(name);

    expect(status?.phase).toBe('Failed');
    expect(status?.completionTime).toBeDefined();
    const jobs = await here.namespace.jobs(name);
    expect(jobs).toHaveLength(failing + 1);
    const theirs = jobs.map(endCondition).at(failing)?.message;
    const failureMessage = `${theirs}; attempt 1 of the container "s${failing}" ended with exit code 3`;
    const message = `Step ${failing} (s${failing}) failed: BackoffLimitExceeded: ${failureMessage}`;
    expect(getCondition(status?.conditions, 'Failed')).toMatchObject({
      status: 'True',
      reason: 'BackoffLimitExceeded',
      message,
    });
    expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({ status: 'False', message });
    expect(status?.progress).toEqual({
      currentIndex: failing,
      currentStep: `s${failing}`,
      completedIndices: Array.from({ length: failing }, (_, i) => i),
      failedIndex: failing,
      failureReason: 'BackoffLimitExceeded',
      failureMessage,
      summary: `${failing}/3`,
    });
    expect(status?.steps?.map(({ state }) => state)).toEqual([
      ...Array<string>(failing).fill('Succeeded'),
      'Failed',
      ...Array<string>(2 - failing).fill('Skipped'),
    ]);

    const events = await eventually('the warnings', async () => {
      const warnings = (await here.namespace.events(name)).filter(({ type }) => type === 'Warning');
      return warnings.length >= 2 ? warnings : undefined;
    });
    expect(events.map(({ reason }) => reason)).toEqual(['JobFailed', 'SequenceFailed']);
    expect(events[1]?.message).toBe(message);
  });

  it('describes itself so that a person understands', async () => {
    const text = await kubectl('describe', 'sj', 'fails-at-1', '-n', here.namespace.name);
    for (const words of [/Phase:\s+Failed/, /Failed Index:\s+1/, /Summary:\s+1\/3/, /Warning\s+SequenceFailed/]) {
      expect(text).toMatch(words);
    }
  });
});
