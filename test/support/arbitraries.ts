/** Anything that a client can send, for property tests: near to a SequentialJob, and far from one. */
import * as fc from 'fast-check';

/** Any JSON, `__proto__` among its keys. */
export const json: fc.Arbitrary<unknown> = fc.jsonValue({ maxDepth: 3 });

/** An own property of that name, as JSON.parse makes it. */
const polluted: fc.Arbitrary<unknown> = json.map((value) => JSON.parse(`{"__proto__":${JSON.stringify(value)}}`));

const NOTHING = [undefined, null, '', 0, false, [], {}, 'x', -1, 1.5, 1e300] as const;
const odd: fc.Arbitrary<unknown> = fc.oneof(fc.constantFrom(...NOTHING), json, polluted);

/** Mostly what is said, sometimes anything else. */
const mostly = (sound: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 5, arbitrary: sound }, { weight: 1, arbitrary: odd });

const some = (model: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(model, { requiredKeys: [] }).map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>);

const name = fc.constantFrom('extract', 'load', 'report', 'A_1', 'step-1');
const image = fc.constantFrom('busybox', 'registry.example.com/etl:1.0', 'A B', 'x:latest');
const quantity = fc.constantFrom('1', '500m', '-1', '1Gi', 'many', 2);

const roughContainer = some({
  name: mostly(name),
  image: mostly(image),
  env: mostly(
    fc.array(
      mostly(some({ name: mostly(fc.constantFrom('A', 'B=', '1')), value: mostly(fc.string()), valueFrom: odd })),
      { maxLength: 3 },
    ),
  ),
  ports: mostly(
    fc.array(mostly(some({ name: odd, containerPort: mostly(fc.integer({ min: -1, max: 70_000 })) })), {
      maxLength: 3,
    }),
  ),
  volumeMounts: mostly(
    fc.array(mostly(some({ name: mostly(name), mountPath: mostly(fc.constant('/data')) })), { maxLength: 3 }),
  ),
  resources: mostly(
    some({ limits: mostly(some({ cpu: mostly(quantity) })), requests: mostly(some({ cpu: mostly(quantity) })) }),
  ),
  livenessProbe: odd,
  securityContext: mostly(some({ privileged: mostly(fc.boolean()) })),
});

const roughTemplate = some({
  metadata: mostly(some({ labels: mostly(fc.dictionary(fc.string(), fc.string())), annotations: odd })),
  spec: mostly(
    some({
      restartPolicy: mostly(fc.constantFrom('Never', 'OnFailure', 'Always', '')),
      containers: mostly(fc.constantFrom(null, [])),
      initContainers: mostly(fc.array(roughContainer, { maxLength: 2 })),
      volumes: mostly(
        fc.array(mostly(some({ name: mostly(name), emptyDir: mostly(fc.constant({})), hostPath: odd })), {
          maxLength: 2,
        }),
      ),
    }),
  ),
});

/** Fields of the spec that both versions have in the same place. */
const roughFields = {
  template: mostly(roughTemplate),
  activeDeadlineSeconds: mostly(fc.integer({ min: 0, max: 100 })),
  ttlSecondsAfterFinished: mostly(fc.integer()),
  suspend: mostly(fc.boolean()),
  updatePolicy: mostly(fc.constantFrom('Immutable', 'FutureSteps', 'Never')),
  resume: mostly(fc.integer({ min: -1, max: 3 })),
  unknown: odd,
};

const backoffLimit = mostly(fc.integer({ min: -1, max: 5 }));
const onFailure = mostly(fc.constantFrom('Stop', 'Continue', '', 'Panic'));
const roughJob = some({
  metadata: mostly(some({ labels: mostly(fc.dictionary(fc.string(), fc.string())), annotations: odd })),
  activeDeadlineSeconds: mostly(fc.integer({ min: 0, max: 100 })),
  podFailurePolicy: odd,
});
const roughPod = some({
  nodeSelector: odd,
  restartPolicy: mostly(fc.constantFrom('Never', '')),
  priorityClassName: odd,
});

const roughV1alpha1Spec = some({
  ...roughFields,
  containers: mostly(fc.array(mostly(roughContainer), { maxLength: 4 })),
  finally: mostly(fc.array(mostly(roughContainer), { maxLength: 2 })),
  backoffLimit,
  job: mostly(roughJob),
  stepPolicies: mostly(
    fc.array(
      mostly(
        some({
          name: mostly(name),
          backoffLimit,
          activeDeadlineSeconds: odd,
          onFailure,
          when: odd,
          podFailurePolicy: odd,
          job: mostly(roughJob),
          pod: mostly(roughPod),
        }),
      ),
      { maxLength: 3 },
    ),
  ),
});

const roughJobWithLimit = fc
  .tuple(roughJob, some({ backoffLimit }))
  .map(([job, limit]): unknown => Object.assign({}, job, limit));
const roughStep = fc
  .tuple(roughContainer, some({ job: mostly(roughJobWithLimit), pod: mostly(roughPod), onFailure, when: odd }))
  .map(([container, settings]): unknown => Object.assign({}, container, settings));

const roughV1beta1Spec = some({
  ...roughFields,
  steps: mostly(fc.array(mostly(roughStep), { maxLength: 4 })),
  finally: mostly(fc.array(mostly(roughStep), { maxLength: 2 })),
  job: mostly(roughJobWithLimit),
});

const roughStatus = some({
  startTime: mostly(fc.constant('2026-11-02T10:00:00Z')),
  progress: mostly(some({ currentIndex: mostly(fc.integer({ min: -1, max: 5 })) })),
  conditions: mostly(
    fc.array(mostly(some({ type: mostly(fc.constant('Failed')), status: mostly(fc.constant('True')) })), {
      maxLength: 2,
    }),
  ),
});

const rough = (version: string, spec: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> =>
  some({
    metadata: mostly(
      some({
        name: mostly(name),
        generateName: odd,
        finalizers: mostly(fc.array(fc.string(), { maxLength: 2 })),
        deletionTimestamp: odd,
        labels: odd,
      }),
    ),
    spec: mostly(spec),
    status: mostly(roughStatus),
    apiVersion: fc.constant(`batch.example.com/${version}`),
    kind: fc.constant('SequentialJob'),
  });

/** Something like a SequentialJob of v1beta1, wrong in any number of places. */
export const roughV1beta1Object = rough('v1beta1', roughV1beta1Spec);

/** The same of either version. */
export const roughObject = fc.oneof(rough('v1alpha1', roughV1alpha1Spec), roughV1beta1Object);

/** A value that may be left out, or be `null`, where the API reads both as absent. */
const optional = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.option(value, { nil: undefined });

const soundParts = fc
  .uniqueArray(fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/), { minLength: 1, maxLength: 5 })
  .chain((names) =>
    fc.record({
      names: fc.constant(names),
      image: fc.constantFrom('busybox', 'registry.example.com/etl:1.0'),
      template: optional(
        some({
          metadata: some({ labels: fc.constant({ team: 'a' }), creationTimestamp: fc.constant(null) }),
          spec: some({
            restartPolicy: fc.constantFrom('Never', 'OnFailure'),
            serviceAccountName: fc.constant('etl'),
            containers: fc.constant(null),
          }),
        }),
      ),
      numbers: some({
        suspend: fc.boolean(),
        resume: fc.nat(9),
        activeDeadlineSeconds: fc.integer({ min: 60, max: 99 }),
      }),
      limit: some({ backoffLimit: fc.nat(9) }),
      updatePolicy: optional(fc.constantFrom('Immutable', 'FutureSteps')),
      limited: optional(fc.subarray(names)),
      finalizers: optional(fc.subarray(['example.com/a', 'batch.example.com/sequentialjob-cleanup'])),
    }),
  );

interface SoundParts {
  readonly names: readonly string[];
  readonly image: string;
  readonly template: unknown;
  readonly numbers: Readonly<Record<string, unknown>>;
  readonly limit: Readonly<Record<string, unknown>>;
  readonly updatePolicy: unknown;
  /** The names of steps with a backoff limit of their own. */
  readonly limited: readonly string[] | undefined;
  readonly finalizers: unknown;
}

const sound = (
  version: string,
  specOf: (parts: SoundParts) => Readonly<Record<string, unknown>>,
): fc.Arbitrary<Record<string, unknown>> =>
  soundParts.map((parts) => {
    const { template, numbers, updatePolicy, finalizers } = parts as SoundParts;
    const spec = { ...specOf(parts as SoundParts), template, ...numbers, updatePolicy };
    const metadata = { name: 'etl', finalizers };
    const object = { apiVersion: `batch.example.com/${version}`, kind: 'SequentialJob', metadata, spec };
    return JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
  });

/** An object of v1beta1 without a fault, of which everything that has a default may be left out. */
export const soundV1beta1Object = sound('v1beta1', ({ names, image, limit, limited = [] }) => ({
  steps: names.map((one) => ({ name: one, image, ...(limited.includes(one) && { job: { backoffLimit: 1 } }) })),
  ...(Object.keys(limit).length > 0 && { job: limit }),
}));

/** The same of either version. */
export const soundObject = fc.oneof(
  sound('v1alpha1', ({ names, image, limit, limited }) => ({
    containers: names.map((one) => ({ name: one, image })),
    ...limit,
    stepPolicies: limited?.map((one) => ({ name: one, backoffLimit: 1 })),
  })),
  soundV1beta1Object,
);
