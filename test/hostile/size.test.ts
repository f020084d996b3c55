/**
 * The worst objects that fit into a body: as many faults as there can be, of each kind, and as many values without one. To validate
 * one takes no more than a few times what it takes where nothing is wrong, and the work grows as the object does: one call that copies a list
 * in a loop makes minutes of it.
 */
import { describe, expect, it, jest } from '@jest/globals';
import { MAX_VALUES } from '../../shared/validation/value-limit.ts';
import { reviewDefaults } from '../../webhook/default.ts';
import { encodeReview } from '../../webhook/review.ts';
import { reviewObject } from '../../webhook/validate.ts';
import { container } from '../support/objects.ts';
import { admissionRequest, written } from '../support/reviews.ts';

jest.setTimeout(120_000);

type Make = (count: number) => Readonly<Record<string, unknown>>;

const fill = (count: number, item: unknown): readonly unknown[] => Array.from({ length: count }, () => item);
const step = (more: object): Readonly<Record<string, unknown>> => ({ steps: [{ ...container('a'), ...more }] });
const pod = (more: object): Readonly<Record<string, unknown>> => ({ ...step({}), template: { spec: more } });
const numbered = (count: number, prefix = ''): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, '']));
const reserved = (count: number): object => numbered(count / 10, 'batch.example.com/');

const sound: Make = (count) => step({ env: fill(count, { name: 'A' }) });

const SPECS: readonly (readonly [string, Make])[] = [
  ['variables that say nothing', (count) => step({ env: fill(count, {}) })],
  ['variables that are no objects', (count) => step({ env: fill(count, 1) })],
  ['mounts that say nothing', (count) => step({ volumeMounts: fill(count, {}) })],
  ['ports that say nothing', (count) => step({ ports: fill(count, {}) })],
  ['arguments that are no texts', (count) => step({ args: fill(count, 1) })],
  ['init containers that say nothing', (count) => pod({ initContainers: fill(count, {}) })],
  ['init containers that are null', (count) => pod({ initContainers: fill(count, null) })],
  ['volumes that say nothing', (count) => pod({ volumes: fill(count, {}) })],
  [
    'volumes, and mounts of none of them',
    (count) => ({
      ...step({ volumeMounts: fill(count / 2, { name: 'a' }) }),
      template: { spec: { volumes: fill(count / 2, { name: 'b' }) } },
    }),
  ],
  ['scheduling gates that say nothing', (count) => pod({ schedulingGates: fill(count, {}) })],
  ['labels that are reserved', (count) => ({ ...step({}), template: { metadata: { labels: reserved(count) } } })],
  ['steps that say nothing', (count) => ({ steps: fill(count, {}) })],
  ['steps whose settings say nothing', (count) => ({ steps: fill(count / 2, { job: {} }) })],
  ['steps of finally that say nothing', (count) => ({ ...step({}), finally: fill(count, {}) })],
  [
    'steps of finally with warnings',
    (count) => ({ ...step({}), finally: Array.from({ length: count / 2 }, (_, i) => ({ name: `s${i}`, image: 'x' })) }),
  ],
  [
    'steps that restart in spite of a podFailurePolicy',
    (count) => ({
      steps: Array.from({ length: count / 4 }, (_, i) => ({
        ...container(`s${i}`),
        pod: { restartPolicy: 'OnFailure' },
      })),
      job: { podFailurePolicy: { rules: [] } },
    }),
  ],
  [
    'containers of finally in v1alpha1 that say nothing',
    (count) => ({ containers: [container('a')], finally: fill(count, {}) }),
  ],
  ['containers of v1alpha1 that say nothing', (count) => ({ containers: fill(count, {}) })],
  [
    'policies of v1alpha1 that say nothing',
    (count) => ({ containers: [container('a')], stepPolicies: fill(count, {}) }),
  ],
  [
    'policies of v1alpha1, of as many containers',
    (count) => ({
      containers: Array.from({ length: count / 4 }, (_, i) => ({ name: `s${i}` })),
      stepPolicies: Array.from({ length: count / 4 }, (_, i) => ({ name: `s${count / 4 - 1 - i}`, backoffLimit: -1 })),
    }),
  ],
  [
    'policies of v1alpha1, of no container',
    (count) => ({
      containers: [container('a')],
      stepPolicies: Array.from({ length: count / 2 }, (_, i) => ({ name: `s${i}`, backoffLimit: -1 })),
    }),
  ],
  [
    'nulls, which say nothing, and one fault',
    (count) => step({ env: [...fill(count - 1, { name: 'A', value: null }), {}] }),
  ],
  ['arguments, and no fault', (count) => step({ args: fill(count, '') })],
  ['labels, and no fault', (count) => ({ ...step({}), template: { metadata: { labels: numbered(count / 10) } } })],
];

/** In milliseconds of the processor; the least of two, as a collection of garbage may fall into one. */
function cost(work: () => unknown): number {
  const once = (): number => {
    const started = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(started);
    return (user + system) / 1000;
  };
  return Math.min(once(), once());
}

const validate = (make: Make, count: number): (() => unknown) => {
  const request = admissionRequest({ object: written(make(count)) });
  return () => [reviewObject, reviewDefaults].map((reviewer) => encodeReview('x', reviewer(request)));
};

/** An update, after the start, of an object that is stored as it is. */
const update = (make: Make, count: number): (() => unknown) => {
  const object = (more: object): object => ({
    ...written({ ...make(count), ...more }),
    status: { startTime: '2026-11-02T10:00:00Z' },
  });
  const request = admissionRequest({ operation: 'UPDATE', oldObject: object({}), object: object({ suspend: true }) });
  return () => encodeReview('x', reviewObject(request));
};

/** Of what an object of as many values costs that has no fault. */
const MOST_TIMES = 4;
const NOTHING_MS = 20;
const TOO_MUCH = 9;

describe('the worst object', () => {
  it.each(SPECS)('with %s is judged in time', (_what, make) => {
    const [few, many] = [cost(validate(make, 5_000)), cost(validate(make, 20_000))];
    if (many > NOTHING_MS) expect(many / few).toBeLessThan(TOO_MUCH);
    // Most have two values for each item, and one is over the limit.
    const worst = MAX_VALUES / 2 - 100;
    expect(cost(validate(make, worst)) / cost(validate(sound, worst))).toBeLessThan(MOST_TIMES);
  });

  it.each(SPECS)('with %s is updated in time', (_what, make) => {
    const worst = MAX_VALUES / 2 - 100;
    expect(cost(update(make, worst)) / cost(update(sound, worst))).toBeLessThan(MOST_TIMES);
  });
});
