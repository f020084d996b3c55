/**
 * An object as a user wrote it, in either API version. It is validated in v1beta1, by one set of rules, and its errors
 * and warnings name the fields that the user wrote. Pure.
 */
import type { V1PodSpec, V1PodTemplateSpec } from '@kubernetes/client-node';
import { API_VERSION, V1ALPHA1_API_VERSION } from '../api/group.ts';
import type { SequentialJob, Step, StepJob } from '../api/types.ts';
import { type Policy, toV1beta1SpecForValidation } from '../conversion/index.ts';
import { fieldOfPolicy, isSetting, V1alpha1Paths } from '../conversion/v1alpha1-paths.ts';
import { asObject, asObjects, isObject } from '../json/untrusted.ts';
import type { FieldError } from './field-error.ts';

export interface UserObject {
  /** As the user wrote it, in either version. */
  readonly written: unknown;
  /** In v1beta1. */
  readonly object: unknown;
  /** The errors in places that v1beta1 does not have, in the user's paths. */
  readonly errors: readonly FieldError[];
  /** The settings that belong to no step, if there are any. */
  readonly leftOver?: LeftOver;
  /** An error of the object in v1beta1, in the user's paths. */
  readonly errorOf: (error: FieldError) => FieldError;
  /** The same for a text that begins with a path, as a warning does. */
  readonly warningOf: (warning: string) => string;
  /** The same for all paths in a text. */
  readonly textOf: (text: string) => string;
}

/** Settings that have a fault already, but may have others. */
export interface LeftOver {
  /** An object that has the settings, and errors elsewhere that do not count. */
  readonly object: unknown;
  /** An error of these settings, or of the template with them, in the user's paths; undefined for another error. */
  readonly errorOf: (error: FieldError) => FieldError | undefined;
}

/** Accepts any value; what is not v1alpha1 is taken as it is. */
export function readUserObject(object: unknown): UserObject {
  const job = asObject<SequentialJob>(object);
  if (job?.apiVersion !== V1ALPHA1_API_VERSION) {
    const same = (text: string): string => text;
    return { written: object, object, errors: [], errorOf: (error) => error, warningOf: same, textOf: same };
  }
  // Most objects have neither an error nor a warning.
  let known: V1alpha1Paths | undefined;
  const translate = (path: string): string => (known ??= new V1alpha1Paths(job.spec)).translate(path);
  const errors: FieldError[] = [];
  const { spec, unused } = toV1beta1SpecForValidation(job.spec, (problem) => void errors.push(problem));
  const textOf = (text: string): string => text.replaceAll(PATH, translate);
  const withPath = (error: FieldError, field: string): FieldError => {
    // Some details repeat the path, some name another field.
    const detail = field === error.field ? error.detail : error.detail.replaceAll(error.field, () => field);
    return { ...error, field, detail: textOf(detail) };
  };
  return {
    written: object,
    object: { ...job, apiVersion: API_VERSION, ...('spec' in job ? { spec } : {}) },
    errors,
    ...(unused.length > 0 && { leftOver: leftOverOf(unused, spec, withPath) }),
    errorOf: (error) => withPath(error, translate(error.field)),
    warningOf: (warning) => {
      const end = warning.indexOf(': ');
      return `${translate(warning.slice(0, end))}${warning.slice(end)}`;
    },
    textOf,
  };
}

/** A path that can be another one in v1alpha1. */
const PATH = /\bspec\.(?:steps|finally|job)\b[\w.[\]]*/g;

const STEP = /^spec\.finally\[(\d+)\](.*)$/s;

/** The settings are those of steps of `finally`, which have all settings that a policy can have. */
function leftOverOf(
  policies: readonly Policy[],
  spec: unknown,
  withPath: (error: FieldError, field: string) => FieldError,
): LeftOver {
  const { activeDeadlineSeconds, template, job, steps: others } = asObject<SequentialJob['spec']>(spec) ?? {};
  const restartPolicy = asObject<V1PodSpec>(asObject<V1PodTemplateSpec>(template)?.spec)?.restartPolicy;
  const podFailurePolicy = asObject<StepJob>(job)?.podFailurePolicy;
  const steps = policies.map(({ settings }, i) => ({ name: `x${i}`, image: 'x:1', ...settings }));
  // What all steps have may be at odds with the template in the steps that there are, and is not the fault of these.
  const changesTemplate = policies.some(({ settings }) =>
    isObject(asObject<StepJob>(settings['job'])?.podFailurePolicy),
  );
  return {
    object: {
      metadata: { name: 'x' },
      spec: {
        // They may refer to the results of steps.
        steps: asObjects<Step>(others).map(({ name }) => ({ name, image: 'x:1' })),
        finally: steps,
        job: { podFailurePolicy },
        activeDeadlineSeconds,
        template: { spec: { restartPolicy } },
      },
    },
    errorOf: (error) => {
      if (error.field.startsWith('spec.template')) return changesTemplate ? error : undefined;
      const [, index, within = ''] = STEP.exec(error.field) ?? [];
      const policy = policies[Number(index)];
      if (policy === undefined || !isSetting(within)) return undefined;
      return withPath(error, `${policy.at.toString()}${fieldOfPolicy(within)}`);
    },
  };
}
