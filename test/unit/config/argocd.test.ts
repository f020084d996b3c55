/** The scripts of config/argocd over the statuses that the controller writes: those of the decisions in test/golden, and what there is before. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { decide } from '../../../controller/decide/index.ts';
import type { Phase, SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { goldenDecisions } from '../../support/golden-decisions.ts';
import { runHealthScript } from '../../support/lua.ts';
import { ROOT } from '../../support/manifests.ts';

const SCRIPT = readFileSync(join(ROOT, 'config/argocd/health.lua'), 'utf8');

const SCHEDULE_SCRIPT = readFileSync(join(ROOT, 'config/argocd/schedule-health.lua'), 'utf8');

const health = (object: object): Readonly<Record<'status' | 'message', string>> =>
  runHealthScript(SCRIPT, object, ['status', 'message']);

/** Argo CD's words, and the condition whose message tells more. */
const HEALTH: Readonly<Record<Phase, readonly [health: string, condition: string]>> = {
  Pending: ['Progressing', 'Progressing'],
  Running: ['Progressing', 'Progressing'],
  Finishing: ['Progressing', 'Progressing'],
  Suspended: ['Suspended', 'Suspended'],
  Completed: ['Healthy', 'Complete'],
  Failed: ['Degraded', 'Failed'],
};

interface Reported {
  readonly name: string;
  readonly object: SequentialJob;
  readonly status: SequentialJobStatus;
}

const REPORTED: readonly Reported[] = goldenDecisions().flatMap(({ name, input }) => {
  const { status } = decide(input.snapshot, Date.parse(input.now));
  return status?.phase === undefined ? [] : [{ name, object: input.snapshot.object, status }];
});

describe('health.lua', () => {
  it('is tested with every phase', () => {
    expect(new Set(REPORTED.map(({ status }) => status.phase))).toEqual(new Set(Object.keys(HEALTH)));
  });

  it.each(REPORTED.map((one) => [one.status.phase ?? '', one.name, one] as const))(
    '%s: %s',
    (_phase, _name, { object, status }) => {
      const metadata = { ...object.metadata, generation: status.observedGeneration };
      const [expected, condition] = HEALTH[status.phase ?? 'Pending'];
      const message = getCondition(status.conditions, condition as 'Progressing')?.message ?? '';
      expect(health({ ...object, metadata, status })).toEqual({ status: expected, message });
    },
  );

  const metadata = { name: 'etl', generation: 3 };
  const failed = { conditions: [{ type: 'Failed', status: 'True', message: 'Step 0 (a) failed' }] };
  const WAITS = { status: 'Progressing', message: 'Waiting for the operator' };

  it.each<[string, object | undefined]>([
    ['there is no status', undefined],
    ['the status is empty', {}],
    ['observedGeneration is -1, which is the default of the CRD', { observedGeneration: -1 }],
    ['the status is of an older generation, with any result', { ...failed, observedGeneration: 2 }],
    ['the status has no observedGeneration', failed],
  ])('is Progressing if %s', (_sentence, status) => {
    expect(health({ metadata, ...(status === undefined ? {} : { status }) })).toEqual(WAITS);
  });

  it('is Progressing if the status has no conditions, or only unknown ones', () => {
    for (const conditions of [undefined, null, [], [{ type: 'Other', status: 'True' }]]) {
      const status = { observedGeneration: 3, conditions };
      expect(health({ metadata, status })).toEqual({ status: 'Progressing', message: '' });
    }
  });

  it('does not depend on the conditions of kstatus', () => {
    const conditions = [...failed.conditions, { type: 'Stalled', status: 'True', message: 'x' }];
    const status = { observedGeneration: 3, conditions };
    expect(health({ metadata, status })).toEqual({ status: 'Degraded', message: 'Step 0 (a) failed' });
  });
});

describe('schedule-health.lua', () => {
  const metadata = { name: 'nightly', generation: 3 };
  const available = (status: string): object => ({ type: 'Available', status, message: `Available is ${status}` });
  const suspended = (status: string): object => ({ type: 'Suspended', status, message: `Suspended is ${status}` });

  it.each<[sentence: string, status: object | undefined, health: string, message: string]>([
    ['there is no status', undefined, 'Progressing', 'Waiting for the operator'],
    ['observedGeneration is -1', { observedGeneration: -1 }, 'Progressing', 'Waiting for the operator'],
    [
      'the status is of an older generation',
      { observedGeneration: 2, conditions: [available('False')] },
      'Progressing',
      'Waiting for the operator',
    ],
    [
      'runs are created',
      { observedGeneration: 3, conditions: [available('True'), suspended('False')] },
      'Healthy',
      'Available is True',
    ],
    [
      'it is suspended',
      { observedGeneration: 3, conditions: [available('True'), suspended('True')] },
      'Suspended',
      'Suspended is True',
    ],
    [
      'runs cannot be created',
      { observedGeneration: 3, conditions: [available('False'), suspended('False')] },
      'Degraded',
      'Available is False',
    ],
    [
      'it is suspended and its schedule is invalid',
      { observedGeneration: 3, conditions: [suspended('True'), available('False')] },
      'Degraded',
      'Available is False',
    ],
    ['the status has no conditions', { observedGeneration: 3 }, 'Progressing', ''],
  ])('%s', (_sentence, status, expected, message) => {
    const object = { metadata, ...(status === undefined ? {} : { status }) };
    expect(runHealthScript(SCHEDULE_SCRIPT, object, ['status', 'message'])).toEqual({ status: expected, message });
  });
});

describe('argocd-cm.yaml', () => {
  it('has the scripts under the keys that Argo CD reads', () => {
    expect(parse(readFileSync(join(ROOT, 'config/argocd/argocd-cm.yaml'), 'utf8'))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'argocd-cm', namespace: 'argocd' },
      data: {
        'resource.customizations.health.batch.example.com_SequentialJob': SCRIPT,
        'resource.customizations.health.batch.example.com_CronSequentialJob': SCHEDULE_SCRIPT,
      },
    });
  });
});
