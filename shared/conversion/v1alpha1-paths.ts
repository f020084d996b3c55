/** Translates field paths of v1beta1 into those of a v1alpha1 object, so that users read the paths that they wrote. Pure. */
import { displayKey } from '../validation/field-error.ts';
import { asArray, asObject, asObjects } from '../json/untrusted.ts';
import { POLICY_JOB_FIELDS, STEP_FIELDS } from './step-settings.ts';

/** `spec.steps[0]` or `spec.finally[0]`, and the path within the step. */
const STEP = /^spec\.(steps|finally)\[(\d+)\](.*)$/s;
/** The first field of a path within a step, and what is below it. */
const FIELD = /^\.(\w+)(.*)$/s;
const SPEC_BACKOFF_LIMIT = /^spec\.job(\.backoffLimit)$/;

/** The path within a policy of a setting's path within a v1beta1 step. */
export function fieldOfPolicy(within: string): string {
  const [, field, below = ''] = FIELD.exec(within) ?? [];
  return field === 'job' && POLICY_JOB_FIELDS.includes(FIELD.exec(below)?.[1] ?? '') ? below : within;
}

/** Whether a path within a v1beta1 step is that of a setting, or of a part of one. */
export const isSetting = (within: string): boolean => STEP_FIELDS.includes(FIELD.exec(within)?.[1] ?? '');

interface Named {
  readonly name: unknown;
}

export class V1alpha1Paths {
  readonly #names: Readonly<Record<string, readonly (string | undefined)[]>>;
  readonly #containers: number;
  /** The index of the first policy of each name. */
  readonly #policies = new Map<string, number>();
  /** The indices of the policies that name no container: in v1beta1 they are steps behind the others. */
  readonly #unused: readonly number[];

  /** `spec`: of v1alpha1, as the user wrote it; any value is accepted. */
  constructor(spec: unknown) {
    const { containers, finally: last, stepPolicies } = asObject<Record<string, unknown>>(spec) ?? {};
    const namesOf = (list: unknown): readonly (string | undefined)[] =>
      asObjects<Named>(list).map(({ name }) => (typeof name === 'string' ? name : undefined));
    this.#names = { steps: namesOf(containers), finally: namesOf(last) };
    this.#containers = asArray(containers).length;
    const used = new Set(Object.values(this.#names).flat());
    const policies = namesOf(stepPolicies);
    policies.forEach((name, i) => {
      if (name !== undefined && !this.#policies.has(name)) this.#policies.set(name, i);
    });
    this.#unused = [...policies.keys()].filter((i) => !used.has(policies[i]));
  }

  /** The path in v1alpha1. A setting of a step that has no policy is named by its step: `spec.stepPolicies[name=load]`. */
  translate(path: string): string {
    const step = STEP.exec(path);
    if (step === null) return path === 'spec.steps' ? 'spec.containers' : path.replace(SPEC_BACKOFF_LIMIT, 'spec$1');
    const [, list = '', index = '', within = ''] = step;
    const i = Number(index);
    const isUnused = list === 'steps' && i >= this.#containers;
    const policy = isUnused ? this.#unused[i - this.#containers] : this.#policyOf(list, i);
    if (isUnused || isSetting(within)) {
      const place = policy ?? `name=${displayKey(this.#names[list]?.[i] ?? '')}`;
      return `spec.stepPolicies[${place}]${fieldOfPolicy(within)}`;
    }
    return `spec.${list === 'steps' ? 'containers' : list}[${i}]${within}`;
  }

  #policyOf(list: string, index: number): number | undefined {
    const name = this.#names[list]?.[index];
    return name === undefined ? undefined : this.#policies.get(name);
  }
}
