/** What people do to a sequence, through the webhook or past it. */
import { isDeepStrictEqual } from 'node:util';
import { FINALIZER } from '../../../../shared/api/group.ts';
import type { FinallyStep, SequentialJob, SequentialJobSpec, Step } from '../../../../shared/api/types.ts';
import { validateUpdate } from '../../../../shared/validation/index.ts';
import type { Stored } from '../../../support/fake-api.ts';
import { container, NAMESPACE, NOW } from '../../../support/objects.ts';
import { renamed } from './results.ts';
import type { Writes } from './scenario.ts';
import { OBJECT_PATH, type Server } from './server.ts';
import { changedInV1alpha1 } from './v1alpha1.ts';

export type Edit = 'image' | 'rename' | 'append' | 'remove last' | 'onFailure' | 'FutureSteps' | 'Immutable' | 'mend';

export type FinallyEdit = 'image' | 'rename' | 'append' | 'remove last' | 'onFailure' | 'when' | 'mend';

export type Wish =
  | { readonly field: 'suspend'; readonly value: boolean }
  | { readonly field: 'activeDeadlineSeconds' | 'ttlSecondsAfterFinished'; readonly value: number | undefined }
  /** Raised by one, or set to what it was in the file that is applied again. */
  | { readonly field: 'resume'; readonly to?: number | undefined }
  | { readonly field: 'steps'; readonly edit: Edit; readonly index: number }
  | { readonly field: 'finally'; readonly edit: FinallyEdit; readonly index: number };

const MAX_STEPS = 8;
const MAX_FINALLY = 4;

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
  change(wish: Wish, bypass: boolean, writes?: Writes): void {
    const before = this.#server.object;
    if (before === undefined || before.metadata.deletionTimestamp !== undefined) return;
    const spec = this.#wanted(before.spec, wish);
    if (isDeepStrictEqual(spec, before.spec)) return;
    const generation = (before.metadata.generation ?? 0) + 1;
    const after: SequentialJob = { ...before, metadata: { ...before.metadata, generation }, spec };
    if (!bypass && validateUpdate(before, after).length > 0) return;
    // A resume of what has not failed stays a webhook's matter: the controller takes any number above its own.
    if (wish.field === 'resume' && validateUpdate(before, after).length > 0) return;
    this.#onChange(before, after);
    const stored = writes === undefined ? spec : changedInV1alpha1(before, spec);
    this.#server.api.putSequentialJob({ ...after, spec: stored });
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
      case 'finally':
        return withFinally(spec, finallyAfter(spec.finally ?? [], wish, ++this.#edits));
    }
  }

  #edited(spec: SequentialJobSpec, edit: Edit, index: number): SequentialJobSpec {
    const { steps } = spec;
    const version = ++this.#edits;
    const { name = '', job, onFailure } = steps[index] ?? {};
    const withStep = (step: Step): SequentialJobSpec => ({ ...spec, steps: steps.with(index, step) });
    switch (edit) {
      case 'image':
        return withStep({ ...steps[index], name, image: `registry.example.com/etl:2.${version}` });
      case 'rename':
        return renamed(withStep({ ...steps[index], name: `n${version}` }), name, `n${version}`);
      case 'mend':
        return withStep(container(name, { ...(job && { job }), ...(onFailure && { onFailure }) }));
      case 'append':
        return steps.length === MAX_STEPS ? spec : { ...spec, steps: [...steps, container(`n${version}`)] };
      case 'remove last':
        return steps.length === 1 ? spec : { ...spec, steps: steps.slice(0, -1) };
      case 'onFailure':
        return withStep({ ...steps[index], name, onFailure: onFailure === 'Continue' ? 'Stop' : 'Continue' });
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

function withFinally(spec: SequentialJobSpec, steps: readonly FinallyStep[]): SequentialJobSpec {
  const { finally: _, ...rest } = spec;
  return steps.length === 0 ? rest : { ...rest, finally: steps };
}

function finallyAfter(
  steps: readonly FinallyStep[],
  { edit, index }: { readonly edit: FinallyEdit; readonly index: number },
  version: number,
): readonly FinallyStep[] {
  if (edit === 'append') return steps.length === MAX_FINALLY ? steps : [...steps, container(`n${version}`)];
  if (edit === 'remove last') return steps.slice(0, -1);
  const at = index % Math.max(steps.length, 1);
  const step = steps[at];
  if (step === undefined) return steps;
  const { onFailure, image: _, ...rest } = step;
  const image = 'registry.example.com/etl:1.0';
  const edited: Readonly<Record<typeof edit, FinallyStep>> = {
    image: { ...step, image: `registry.example.com/etl:2.${version}` },
    rename: { ...step, name: `n${version}` },
    onFailure: { ...step, onFailure: onFailure === 'Continue' ? 'Stop' : 'Continue' },
    when: { ...step, when: step.when === 'Failed' ? 'Succeeded' : 'Failed' },
    mend: { ...rest, image, ...(onFailure && { onFailure }) },
  };
  return steps.with(at, edited[edit]);
}
