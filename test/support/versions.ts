/** Valid objects of both API versions, and the laws of conversion, for the unit test and for a million objects. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { convert } from '../../shared/conversion/index.ts';
import { deepFreeze } from './freeze.ts';

export const V1ALPHA1 = 'batch.example.com/v1alpha1';
export const V1BETA1 = 'batch.example.com/v1beta1';

export type Fields = Readonly<Record<string, unknown>>;
export interface AnyVersion extends Fields {
  readonly apiVersion: string;
  readonly spec: Fields;
}

export const toV1beta1 = (object: unknown): AnyVersion => convert(object, V1BETA1) as AnyVersion;
export const toV1alpha1 = (object: unknown): AnyVersion => convert(object, V1ALPHA1) as AnyVersion;

export const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? (value as readonly Fields[]) : []);

/** A record of which any fields may be left out. */
const some = (model: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Fields> =>
  fc.record(model, { requiredKeys: [] });

const labels = fc.dictionary(fc.constantFrom('team', 'kueue.x-k8s.io/queue-name', '__proto__'), fc.constant('a'), {
  maxKeys: 2,
});
const metadata = some({ labels, annotations: labels });
const count = fc.nat(9);
const seconds = fc.integer({ min: 1, max: 99 });
const podFailurePolicy = fc.constant({
  rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }],
});

const pod = some({
  metadata,
  serviceAccountName: fc.constant('loader'),
  nodeSelector: labels,
  tolerations: fc.constantFrom([], [{ operator: 'Exists' }]),
  priorityClassName: fc.constant('high'),
  restartPolicy: fc.constantFrom('', 'Never', 'OnFailure'),
  securityContext: fc.constantFrom({}, { runAsUser: 0 }),
  initContainers: fc.constantFrom([], [{ name: 'fetch', image: 'busybox:1.36' }]),
});

const container = some({
  command: fc.constantFrom([], ['sh', '-c', 'exit 0']),
  env: fc.constantFrom([], [{ name: 'A', value: '' }], [{ name: 'B', valueFrom: { fieldRef: { fieldPath: 'x' } } }]),
  resources: fc.constantFrom({}, { limits: { cpu: 1, memory: '1Gi' } }),
  volumeMounts: fc.constantFrom([], [{ name: 'data', mountPath: '/data' }]),
  // Of a release of Kubernetes that this program does not know.
  ofTomorrow: fc.constantFrom(null, 0, {}),
});

const names = fc
  .uniqueArray(fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?$/), { minLength: 1, maxLength: 7 })
  .chain((all) => fc.nat(all.length - 1).map((last) => ({ steps: all.slice(last), last: all.slice(0, last) })));

const common = some({
  template: fc.constantFrom({}, { spec: { restartPolicy: 'Never', volumes: [{ name: 'data', emptyDir: {} }] } }),
  volumeClaimTemplates: fc.constantFrom([], [{ metadata: { name: 'data' }, spec: {} }]),
  activeDeadlineSeconds: seconds,
  ttlSecondsAfterFinished: count,
  suspend: fc.boolean(),
  updatePolicy: fc.constantFrom('Immutable', 'FutureSteps'),
  resume: count,
  ofTomorrow: fc.constantFrom(null, 0, {}),
});

const identity = fc.constant({
  kind: 'SequentialJob',
  metadata: { name: 'etl', namespace: 'a', uid: 'x', resourceVersion: '1', labels: { team: 'a' } },
  status: { phase: 'Running', conditions: [] },
});

const jobFields = { backoffLimit: count, activeDeadlineSeconds: seconds, podFailurePolicy };
const jobOfAll = { metadata, pendingDeadlineSeconds: seconds, activeDeadlineSeconds: seconds, podFailurePolicy };

const when = fc.constantFrom('Always', 'Succeeded', 'Failed');
const stepSettings = {
  job: some({ metadata, pendingDeadlineSeconds: seconds, ...jobFields }),
  pod,
  onFailure: fc.constantFrom('', 'Stop', 'Continue'),
};

/** One item for each name, with more fields. */
const named = (all: readonly string[], fields: fc.Arbitrary<Fields>): fc.Arbitrary<readonly Fields[]> =>
  fc.tuple(...all.map((name) => fields.map((rest) => ({ name, image: 'busybox:1.36', ...rest }))));

/** As JSON.parse makes it: fast-check's records have no prototype. */
const asParsed = (object: unknown): AnyVersion => JSON.parse(JSON.stringify(object)) as AnyVersion;

const absentIfEmpty = (list: readonly Fields[]): Fields => (list.length === 0 ? {} : { finally: list });

/** Any valid object of v1beta1. */
export const v1beta1Object: fc.Arbitrary<AnyVersion> = names
  .chain(({ steps, last }) => {
    const settings = (more: Readonly<Record<string, fc.Arbitrary<unknown>>> = {}) =>
      fc.tuple(container, some({ ...stepSettings, ...more })).map(([own, beside]) => Object.assign({}, own, beside));
    return fc.record({
      identity,
      steps: named(steps, settings()),
      last: named(last, settings({ when })),
      job: some({ job: some({ ...jobOfAll, backoffLimit: count }) }),
      rest: common,
    });
  })
  .map(({ identity: who, steps, last, job, rest }) =>
    asParsed({
      ...who,
      apiVersion: V1BETA1,
      spec: { steps, ...absentIfEmpty(last), ...job, ...rest },
    }),
  );

const policySettings = {
  ...jobFields,
  onFailure: fc.constantFrom('', 'Stop', 'Continue'),
  job: some({ metadata, pendingDeadlineSeconds: seconds }),
  pod,
};

/** Any valid object of v1alpha1: policies in any order, also some that say nothing. */
export const v1alpha1Object: fc.Arbitrary<AnyVersion> = names
  .chain(({ steps, last }) => {
    const policy = (name: string): fc.Arbitrary<Fields> =>
      some(last.includes(name) ? { ...policySettings, when } : policySettings).map((own) =>
        Object.assign({ name }, own),
      );
    return fc.record({
      identity,
      containers: named(steps, container),
      last: named(last, container),
      policies: fc.shuffledSubarray([...steps, ...last]).chain((some) => fc.tuple(...some.map(policy))),
      own: some({ backoffLimit: count, job: some(jobOfAll) }),
      rest: common,
    });
  })
  .map(({ identity: who, containers, last, policies, own, rest }) =>
    asParsed({
      ...who,
      apiVersion: V1ALPHA1,
      spec: { containers, ...absentIfEmpty(last), stepPolicies: policies, ...own, ...rest },
    }),
  );

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const without = (fields: Fields, name: string): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

/** Without a `job` that says nothing beside fields that v1beta1 has in its `job`. */
function withoutEmptyJob(fields: Fields, beside: readonly string[]): Fields {
  return isEmpty(fields['job']) && beside.some((name) => name in fields) ? without(fields, 'job') : fields;
}

/**
 * What conversion leaves of an object of v1alpha1. Three differences mean nothing: the order of the policies, a policy that
 * says nothing, and an empty `job` beside fields that v1beta1 has in it.
 */
export function normalized(object: AnyVersion): AnyVersion {
  const { spec } = object;
  const policies = new Map(listOf(spec['stepPolicies']).map((policy) => [policy['name'], policy]));
  const inOrder = [...listOf(spec['containers']), ...listOf(spec['finally'])]
    .map(({ name }) => policies.get(name))
    .filter((policy) => policy !== undefined);
  const stepPolicies = inOrder
    .map((policy) => withoutEmptyJob(policy, ['backoffLimit', 'activeDeadlineSeconds', 'podFailurePolicy']))
    .filter((policy) => Object.keys(policy).length > 1);
  return { ...object, spec: { ...withoutEmptyJob(spec, ['backoffLimit']), stepPolicies } };
}

/** A change that a client of v1alpha1 makes, and the same change in v1beta1. */
export interface Edit {
  readonly inV1alpha1: (object: AnyVersion) => AnyVersion;
  readonly inV1beta1: (object: AnyVersion) => AnyVersion;
}

const withSpec = (object: AnyVersion, fields: Fields): AnyVersion => ({
  ...object,
  spec: { ...object.spec, ...fields },
});

const ADDED = { name: 'added-by-hand', image: 'busybox:1.36' };

/** Edits of the steps, by an index that is taken modulo their number. */
export const edit: fc.Arbitrary<Edit> = fc.nat(6).chain((at) => {
  const map = (list: unknown, change: (item: Fields) => Fields): readonly Fields[] =>
    listOf(list).map((item, i, { length }) => (i === at % length ? change(item) : item));
  const remove = (list: unknown): readonly Fields[] => listOf(list).filter((_, i, { length }) => i !== at % length);
  const rotate = (list: unknown): readonly Fields[] => [...listOf(list).slice(1), ...listOf(list).slice(0, 1)];
  const insert = (list: unknown): readonly Fields[] => listOf(list).toSpliced(at, 0, ADDED);
  const inBoth = (change: (list: unknown) => readonly Fields[]): Edit => ({
    inV1alpha1: (object) => withSpec(object, { containers: change(object.spec['containers']) }),
    inV1beta1: (object) => withSpec(object, { steps: change(object.spec['steps']) }),
  });
  return fc.constantFrom<Edit>(
    inBoth((list) => map(list, (item) => ({ ...item, image: 'busybox:1.37' }))),
    inBoth(rotate),
    inBoth(insert),
    {
      inV1alpha1: (object) => {
        const containers = listOf(object.spec['containers']);
        const gone = containers[at % containers.length]?.['name'];
        const stepPolicies = listOf(object.spec['stepPolicies']).filter(({ name }) => name !== gone);
        return withSpec(object, { containers: remove(containers), stepPolicies });
      },
      inV1beta1: (object) => withSpec(object, { steps: remove(object.spec['steps']) }),
    },
    {
      inV1alpha1: (object) => withSpec(object, { suspend: true, backoffLimit: 7 }),
      inV1beta1: (object) =>
        withSpec(object, { suspend: true, job: { ...(object.spec['job'] as Fields | undefined), backoffLimit: 7 } }),
    },
  );
});

/** The laws of conversion: each says by a sentence that the objects break it, or nothing. */
export const LAWS = {
  'v1beta1 → v1alpha1 → v1beta1 is the identity': fc.property(v1beta1Object, (object) =>
    isDeepStrictEqual(toV1beta1(toV1alpha1(deepFreeze(object))), object),
  ),
  'v1alpha1 → v1beta1 → v1alpha1 is the identity, up to what means nothing': fc.property(v1alpha1Object, (object) =>
    isDeepStrictEqual(toV1alpha1(toV1beta1(deepFreeze(object))), normalized(object)),
  ),
  'an edit in v1alpha1 is the same edit in v1beta1': fc.property(
    v1beta1Object,
    edit,
    (object, { inV1alpha1, inV1beta1 }) =>
      isDeepStrictEqual(toV1beta1(inV1alpha1(toV1alpha1(object))), inV1beta1(object)),
  ),
  'metadata, status and kind are the same values': fc.property(fc.oneof(v1beta1Object, v1alpha1Object), (object) =>
    [toV1alpha1(object), toV1beta1(object)].every(
      (one) =>
        one['metadata'] === object['metadata'] && one['status'] === object['status'] && one['kind'] === object['kind'],
    ),
  ),
} as const;
