/** docs/api.md against the schemas and against what the webhook says about updates. */
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { changeOf, examples, renderApiDoc } from '../../../../config/generate/api-doc.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from '../../../../config/generate/resource-schema.ts';
import { SCHEDULE_RESOURCE_SCHEMA } from '../../../../config/generate/schedule-schema.ts';
import type { Schema } from '../../../../shared/api/schema.ts';
import { validateUpdate } from '../../../../shared/validation/update.ts';
import { toV1beta1 } from '../../../support/versions.ts';
import { nodesOf } from './structural.ts';

const PAGE = renderApiDoc();

/** The fields that have a row under a heading. */
function rowsOf(heading: string): readonly string[] {
  const [, rest = ''] = PAGE.split(`\n### ${heading}\n`);
  const [part = ''] = rest.split(/\n##+ /);
  return [...part.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
}

const propertiesAt = (root: Schema, path: string): readonly string[] =>
  Object.keys(nodesOf(root).find((node) => node.path === path)?.schema.properties ?? {});

describe('every field has a row', () => {
  it.each<readonly [string, Schema, string]>([
    ['Spec', RESOURCE_SCHEMA, '.spec'],
    ['StepJob', RESOURCE_SCHEMA, '.spec.steps[].job'],
    ['StepJob', RESOURCE_SCHEMA, '.spec.job'],
    ['StepPod', RESOURCE_SCHEMA, '.spec.steps[].pod'],
    ['VolumeClaimTemplate', RESOURCE_SCHEMA, '.spec.volumeClaimTemplates[]'],
    ['Spec of v1alpha1', V1ALPHA1_RESOURCE_SCHEMA, '.spec'],
    ['SpecJob', V1ALPHA1_RESOURCE_SCHEMA, '.spec.job'],
    ['StepPolicy', V1ALPHA1_RESOURCE_SCHEMA, '.spec.stepPolicies[]'],
    ['StepPolicyJob', V1ALPHA1_RESOURCE_SCHEMA, '.spec.stepPolicies[].job'],
    ['Status', RESOURCE_SCHEMA, '.status'],
    ['Condition', RESOURCE_SCHEMA, '.status.conditions[]'],
    ['StepCounts', RESOURCE_SCHEMA, '.status.state'],
    ['Progress', RESOURCE_SCHEMA, '.status.progress'],
    ['StepStatus', RESOURCE_SCHEMA, '.status.steps[]'],
    ['Spec of a schedule', SCHEDULE_RESOURCE_SCHEMA, '.spec'],
    ['SequentialJobTemplate', SCHEDULE_RESOURCE_SCHEMA, '.spec.sequentialJobTemplate'],
    ['Status of a schedule', SCHEDULE_RESOURCE_SCHEMA, '.status'],
    ['ActiveRun', SCHEDULE_RESOURCE_SCHEMA, '.status.active[]'],
    ['ScheduleCondition', SCHEDULE_RESOURCE_SCHEMA, '.status.conditions[]'],
    ['ObservedSchedule', SCHEDULE_RESOURCE_SCHEMA, '.status.observedSchedule'],
  ])('%s', (heading, root, path) => {
    expect(rowsOf(heading)).toEqual(propertiesAt(root, path));
    expect(rowsOf(heading)).not.toEqual([]);
  });

  it('Step: those beside the fields of a container', () => {
    expect(rowsOf('Step')).toEqual(['job', 'pod', 'onFailure', 'when']);
  });
});

it('every link within the page has its heading', () => {
  const headings = new Set(
    [...PAGE.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-')),
  );
  const targets = [...PAGE.matchAll(/\]\(#([^)]+)\)/g)].map(([, target = '']) => target);
  expect(targets.length).toBeGreaterThan(10);
  expect(targets.filter((target) => !headings.has(target))).toEqual([]);
});

it('the two examples are the same object', () => {
  const { v1beta1 = '', v1alpha1 = '' } = examples();
  expect(toV1beta1(parse(v1alpha1))).toEqual(parse(v1beta1));
});

describe('the column "may change after the start" says what the webhook does', () => {
  const SPEC = {
    steps: [
      { name: 'a', image: 'a:1' },
      { name: 'b', image: 'b:1' },
    ],
    finally: [{ name: 'c', image: 'c:1' }],
    job: { backoffLimit: 1 },
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
    template: { spec: { serviceAccountName: 'a' } },
    activeDeadlineSeconds: 60,
    ttlSecondsAfterFinished: 60,
    suspend: false,
    updatePolicy: 'Immutable',
    resume: 0,
  };
  const OTHER: Readonly<Record<string, unknown>> = {
    steps: [SPEC.steps[0], { name: 'b', image: 'b:2' }],
    finally: [],
    job: { backoffLimit: 2 },
    volumeClaimTemplates: [],
    template: {},
    activeDeadlineSeconds: 61,
    ttlSecondsAfterFinished: 61,
    suspend: true,
    updatePolicy: 'FutureSteps',
    resume: 1,
  };
  /** It runs its first step, or has failed in it. */
  const objectOf = (spec: unknown, isFailed: boolean): unknown => ({
    metadata: { name: 'etl' },
    spec,
    status: {
      startTime: '2026-11-21T10:00:00Z',
      progress: { currentIndex: 0 },
      conditions: [{ type: 'Failed', status: isFailed ? 'True' : 'False' }],
    },
  });
  const isAllowed = (name: string, updatePolicy: string, isFailed = false): boolean => {
    const was = { ...SPEC, ...(name === 'updatePolicy' ? {} : { updatePolicy }) };
    return validateUpdate(objectOf(was, isFailed), objectOf({ ...was, [name]: OTHER[name] }, isFailed)).length === 0;
  };

  it.each(propertiesAt(RESOURCE_SCHEMA, '.spec'))('%s', (name) => {
    const words = changeOf(name);
    expect(Object.keys(OTHER)).toContain(name);
    expect(isAllowed(name, 'Immutable', words.includes('failed'))).toBe(words.startsWith('yes'));
    expect(isAllowed(name, 'FutureSteps', words.includes('failed'))).toBe(words !== 'no');
    if (words.includes('failed')) expect(isAllowed(name, 'FutureSteps')).toBe(false);
  });
});
