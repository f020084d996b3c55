/** What people do to a sequence, through the webhook or past it. */
import { FINALIZER } from '../../../../shared/api/group.ts';
import type { Container, SequentialJob, SequentialJobSpec } from '../../../../shared/api/types.ts';
import { validateUpdate } from '../../../../shared/validation/index.ts';
import type { Stored } from '../../../support/fake-api.ts';
import { container, NAMESPACE, NOW } from '../../../support/objects.ts';
import { OBJECT_PATH, type Server } from './server.ts';

export type Edit = 'image' | 'rename' | 'append' | 'remove last' | 'policy' | 'FutureSteps' | 'Immutable' | 'mend';

export type Wish =
  | { readonly field: 'suspend'; readonly value: boolean }
  | { readonly field: 'activeDeadlineSeconds' | 'ttlSecondsAfterFinished'; readonly value: number | undefined }
  /** Raised by one, or set to what it was in the file that is applied again. */
  | { readonly field: 'resume'; readonly to?: number | undefined }
  | { readonly field: 'steps'; readonly edit: Edit; readonly index: number };

const MAX_STEPS = 8;

export class User {
  readonly #server: Server;
  /** Is told before a changed spec is stored. */
  readonly #onChange: (before: SequentialJob, after: SequentialJob) => void;
  /** Each edit is another image. */
  #edits = 0;

  constructor(server: Server, onChange: (before: SequentialJob, after: SequentialJob) => void) {
    this.#server = server;
    this.#onChange = onChange;
  }

  /** Changes the spec; past the webhook also where that is not allowed. */
  change(wish: Wish, bypass: boolean): void {
    const before = this.#server.object;
    if (before === undefined || before.metadata.deletionTimestamp !== undefined) return;
    const spec = this.#wanted(before.spec, wish);
    if (JSON.stringify(spec) === JSON.stringify(before.spec)) return;
    const generation = (before.metadata.generation ?? 0) + 1;
    const after: SequentialJob = { ...before, metadata: { ...before.metadata, generation }, spec };
    if (!bypass && validateUpdate(before, after).length > 0) return;
    // A resume of what has not failed stays a webhook's matter: the controller takes any number above its own.
    if (wish.field === 'resume' && validateUpdate(before, after).length > 0) return;
    this.#onChange(before, after);
    this.#server.api.putSequentialJob(after);
  }

  delete(): void {
    const { object, api } = this.#server;
    if (object === undefined) return;
    const { finalizers = [] } = object.metadata;
    if (finalizers.includes(FINALIZER)) {
      const deletionTimestamp = object.metadata.deletionTimestamp ?? NOW;
      api.putSequentialJob({ ...object, metadata: { ...object.metadata, deletionTimestamp } });
    } else api.remove(OBJECT_PATH);
  }

  #wanted(spec: SequentialJobSpec, wish: Wish): SequentialJobSpec {
    switch (wish.field) {
      case 'suspend':
      case 'activeDeadlineSeconds':
      case 'ttlSecondsAfterFinished':
        return JSON.parse(JSON.stringify({ ...spec, [wish.field]: wish.value })) as SequentialJobSpec;
      case 'resume':
        return { ...spec, resume: wish.to ?? (spec.resume ?? 0) + 1 };
      case 'steps':
        return this.#edited(spec, wish.edit, wish.index % spec.steps.length);
    }
  }

  #edited(spec: SequentialJobSpec, edit: Edit, index: number): SequentialJobSpec {
    const { steps: containers, stepPolicies = [] } = spec;
    const version = ++this.#edits;
    const name = containers[index]?.name ?? '';
    const withStep = (step: Container): SequentialJobSpec => ({ ...spec, steps: containers.with(index, step) });
    switch (edit) {
      case 'image':
        return withStep({ ...containers[index], name, image: `registry.example.com/etl:2.${version}` });
      case 'rename':
        return {
          ...withStep({ ...containers[index], name: `n${version}` }),
          stepPolicies: stepPolicies.map((policy) =>
            policy.name === name ? { ...policy, name: `n${version}` } : policy,
          ),
        };
      case 'mend':
        return withStep(container(name));
      case 'append':
        return containers.length === MAX_STEPS ? spec : { ...spec, steps: [...containers, container(`n${version}`)] };
      case 'remove last':
        return containers.length === 1 ? spec : withoutLast(spec);
      case 'policy': {
        const others = stepPolicies.filter((policy) => policy.name !== name);
        const onFailure = stepPolicies.length === others.length ? 'Continue' : 'Stop';
        return { ...spec, stepPolicies: [...others, { name, onFailure }] };
      }
      case 'FutureSteps':
      case 'Immutable':
        return { ...spec, updatePolicy: edit };
    }
  }

  /** A Secret that is asked for, in the shape of metadata alone. */
  makeSecret(name: string): void {
    const metadata = { name, namespace: NAMESPACE, uid: 'uid-secret', resourceVersion: '' } as Stored['metadata'];
    this.#server.api.put(`/api/v1/namespaces/${NAMESPACE}/secrets/${name}`, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
    });
  }
}

/** Its policy goes with it: a policy of a step that there is not is invalid. */
function withoutLast(spec: SequentialJobSpec): SequentialJobSpec {
  const last = spec.steps.at(-1)?.name;
  const stepPolicies = spec.stepPolicies?.filter(({ name }) => name !== last) ?? [];
  return { ...spec, steps: spec.steps.slice(0, -1), stepPolicies };
}
