/** What a world begins with: a sequence, how its steps will go, and what the server can. Plain data, so that it prints. */
import * as fc from 'fast-check';
import type { FinallyStep, SequentialJob, SequentialJobSpec, Step, When } from '../../../../shared/api/types.ts';
import type { StepPlace } from '../../../../shared/jobs/position.ts';
import { container, sequentialJob } from '../../../support/objects.ts';
import { references } from './results.ts';

/** How one attempt of a step goes: so many of its Pods fail, then one succeeds, or runs for ever. */
export interface Course {
  readonly failures: number;
  readonly ends: boolean;
  /** None of its Pods starts a container. */
  readonly starts?: false;
}

export interface StepPlan {
  /** By the number of the resume; an attempt that is not planned succeeds. */
  readonly courses: readonly Course[];
  readonly onFailure?: 'Stop' | 'Continue';
  readonly backoffLimit?: number;
}

export interface FinallyPlan extends StepPlan {
  readonly when?: When;
}

/** The API version that a user writes; the stored one if undefined. */
export type Writes = 'v1alpha1' | undefined;

export interface Scenario {
  /** The version in which it was created. */
  readonly createdIn?: Writes;
  readonly steps: readonly StepPlan[];
  /** Steps that run after the others have ended. */
  readonly finally?: readonly FinallyPlan[];
  readonly backoffLimit: number;
  readonly deadline?: number;
  /** Of all steps; in seconds. */
  readonly pending?: number;
  readonly ttl?: number;
  readonly updatePolicy?: 'Immutable' | 'FutureSteps';
  readonly suspend: boolean;
  /** The webhook saw it when it was created: it carries the finalizer. */
  readonly admitted: boolean;
  /** The last step needs a Secret, which is there or not yet. */
  readonly secret: 'none' | 'there' | 'later';
  /** Each step refers to the results of steps before it. */
  readonly results?: boolean;
  /** It has a claim template; the claim's name may be taken until the garbage collector has looked. */
  readonly claim?: 'new' | 'predecessor';
  /** Jobs are deleted as soon as they have ended and are on record: a policy has given them a time to live. */
  readonly cleaner?: boolean;
  /** Others have so many and so large sequences that there is no room for the spec of this one. */
  readonly crowded?: boolean;
  /**
   * What is wrong with it: its spec, a step's image that the server's policy refuses, a
   * step's Job name that is taken, for good or until the garbage collector has looked.
   */
  readonly flaw?: {
    readonly type: 'invalid' | 'refused' | 'foreign' | 'predecessor';
    readonly index: number;
    /** It is that of a step in `finally`, where there is one. */
    readonly inFinally?: boolean;
  };
  readonly server: OldServer | NewerServer;
}

export interface OldServer {
  readonly jobController: 'old';
  /** It knows `suspend` of a Job (1.22). */
  readonly suspendsJobs: boolean;
  /** It says SuccessCriteriaMet and FailureTarget before the end. */
  readonly announces: boolean;
}

export interface NewerServer {
  readonly jobController: 'newer';
  readonly suspendsJobs: true;
  /** A Job's status has `terminating` (1.29), and its end waits for its Pods (1.31). */
  readonly since: '1.22' | '1.29' | '1.31';
  /** Stages for which a container runs on after SIGTERM. */
  readonly grace: number;
  /** A container that gets SIGTERM exits with 0. */
  readonly exitsCleanly: boolean;
}

export const SECRET = 'credentials';
/** The claim template. */
const CLAIM = 'work';
export const CLAIM_NAME = `${CLAIM}-etl`;
/** The server's policy refuses Jobs with this image. */
export const REFUSED_IMAGE = 'refused.example.com/etl:1.0';

const FOR_GOOD = 99;

const course: fc.Arbitrary<Course> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ failures: 0, ends: true }) },
  { weight: 2, arbitrary: fc.record({ failures: fc.integer({ min: 1, max: 2 }), ends: fc.constant(true) }) },
  { weight: 3, arbitrary: fc.constant({ failures: FOR_GOOD, ends: true }) },
  { weight: 2, arbitrary: fc.record({ failures: fc.nat(1), ends: fc.constant(false) }) },
  { weight: 1, arbitrary: fc.constant<Course>({ failures: 0, ends: false, starts: false }) },
);

const stepPlan: fc.Arbitrary<StepPlan> = fc.record(
  {
    courses: fc.array(course, { minLength: 1, maxLength: 3 }),
    onFailure: fc.constantFrom('Stop', 'Continue'),
    backoffLimit: fc.nat(2),
  },
  { requiredKeys: ['courses'] },
);

const finallyPlan: fc.Arbitrary<FinallyPlan> = fc.record(
  {
    courses: fc.array(course, { minLength: 1, maxLength: 3 }),
    onFailure: fc.constantFrom('Stop', 'Continue'),
    backoffLimit: fc.nat(2),
    when: fc.constantFrom('Always', 'Succeeded', 'Failed'),
  },
  { requiredKeys: ['courses'] },
);

/** Mostly the first. */
export const rarely = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const flaw = fc.option(
  fc.record({
    type: fc.constantFrom('invalid', 'refused', 'foreign', 'predecessor'),
    index: fc.nat(2),
    inFinally: fc.boolean(),
  } as const),
  { freq: 8, nil: undefined },
);

/** fast-check's `freq` is how rarely it gives nothing; here it is wanted the other way round. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>, weight = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight, arbitrary });

const server: fc.Arbitrary<Scenario['server']> = fc.oneof(
  fc.record({
    jobController: fc.constant('old'),
    suspendsJobs: rarely(true, false),
    announces: fc.boolean(),
  } as const),
  fc.record({
    jobController: fc.constant('newer'),
    suspendsJobs: fc.constant(true),
    since: fc.constantFrom<NewerServer['since'][]>('1.31', '1.31', '1.29', '1.22'),
    grace: fc.nat(4),
    exitsCleanly: fc.boolean(),
  } as const),
);

type Loose<T> = { [K in keyof T]: T[K] | undefined };

/** Without the fields that say nothing. */
function defined<T extends object>(fields: Loose<T>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

export const writes: fc.Arbitrary<Writes> = fc.constantFrom(undefined, 'v1alpha1');

export const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    createdIn: writes,
    steps: fc.array(stepPlan, { minLength: 1, maxLength: 6, size: 'max' }),
    finally: seldom(fc.array(finallyPlan, { minLength: 1, maxLength: 3, size: 'max' }), 6),
    backoffLimit: fc.nat(1),
    deadline: seldom(fc.integer({ min: 1, max: 60 }), 3),
    pending: seldom(fc.integer({ min: 1, max: 60 }), 2),
    ttl: seldom(fc.nat(30), 2),
    updatePolicy: seldom(fc.constantFrom('Immutable', 'FutureSteps'), 6),
    suspend: rarely(false, true),
    admitted: fc.boolean(),
    secret: rarely<Scenario['secret']>('none', 'there', 'later'),
    results: seldom(fc.constant(true), 3),
    claim: seldom(fc.constantFrom('new', 'predecessor'), 2),
    cleaner: seldom(fc.constant(true)),
    crowded: seldom(fc.constant(true), 2),
    flaw: seldom(flaw),
    server,
  })
  .map((one) => defined<Scenario>({ ...one, admitted: one.admitted && one.flaw?.type !== 'invalid' }));

/** Which step has the flaw. */
export function flawedStep({ flaw, steps, finally: last = [] }: Scenario): StepPlace | undefined {
  if (flaw === undefined) return undefined;
  return flaw.inFinally === true && last.length > 0
    ? { list: 'finally', index: flaw.index % last.length }
    : { list: 'steps', index: flaw.index % steps.length };
}

/** How a scenario names the step at this place. */
export const nameAt = ({ list, index }: StepPlace): string => `${list === 'finally' ? 'f' : 's'}${index}`;

function stepOf(scenario: Scenario, place: StepPlace): Step {
  const { steps, secret, claim, flaw, results } = scenario;
  const { onFailure, backoffLimit } = scenario[place.list]?.[place.index] ?? {};
  const isLast = place.list === 'steps' && place.index === steps.length - 1;
  const token = { name: 'TOKEN', valueFrom: { secretKeyRef: { name: SECRET, key: 'token' } } };
  const env = [
    ...(isLast && secret !== 'none' ? [token] : []),
    ...((results === true ? references(place).env : undefined) ?? []),
  ];
  const flawed = flawedStep(scenario);
  const isFlawed = (type: string): boolean =>
    flaw?.type === type && flawed?.list === place.list && flawed.index === place.index;
  return container(nameAt(place), {
    ...(isFlawed('refused') ? { image: REFUSED_IMAGE } : {}),
    ...(claim === undefined ? {} : { volumeMounts: [{ name: CLAIM, mountPath: '/work' }] }),
    ...(isFlawed('invalid') ? { volumeMounts: [{ name: 'nowhere', mountPath: '/data' }] } : {}),
    ...(env.length === 0 ? {} : { env }),
    ...(backoffLimit === undefined ? {} : { job: { backoffLimit } }),
    ...(onFailure === undefined ? {} : { onFailure }),
  });
}

function finallyStepOf(scenario: Scenario, index: number): FinallyStep {
  const { when } = scenario.finally?.[index] ?? {};
  return { ...stepOf(scenario, { list: 'finally', index }), ...(when === undefined ? {} : { when }) };
}

export function objectOf(scenario: Scenario): SequentialJob {
  const { steps, claim, backoffLimit, deadline, pending, ttl, updatePolicy, suspend, admitted } = scenario;
  const spec = defined<SequentialJobSpec>({
    steps: steps.map((_, index) => stepOf(scenario, { list: 'steps', index })),
    finally: scenario.finally?.map((_, index) => finallyStepOf(scenario, index)),
    template: undefined,
    volumeClaimTemplates: claim === undefined ? undefined : [{ metadata: { name: CLAIM }, spec: {} }],
    job: { backoffLimit, ...(pending === undefined ? {} : { pendingDeadlineSeconds: pending }) },
    activeDeadlineSeconds: deadline,
    ttlSecondsAfterFinished: ttl,
    suspend: suspend ? true : undefined,
    updatePolicy,
    resume: undefined,
  });
  const { finalizers, ...metadata } = sequentialJob().metadata;
  return { ...sequentialJob(), metadata: admitted && finalizers ? { ...metadata, finalizers } : metadata, spec };
}
