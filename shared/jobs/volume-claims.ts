/** Builds the PersistentVolumeClaims of a sequence: the exact manifests that the controller creates and `render` prints. Pure. */
import type { V1PersistentVolumeClaimSpec } from '@kubernetes/client-node';
import { CLAIM_TEMPLATE_ANNOTATION, LABELS, MANAGER } from '../api/group.ts';
import type { Frozen, OwnerReference, SequentialJob } from '../api/types.ts';
import { isObject } from '../json/untrusted.ts';
import { sha256 } from '../sha256.ts';
import { CLAIM_TEMPLATES_FIELD, claimName, claimTemplatesOf, type ClaimTemplate } from './claim-volumes.ts';
import { type JobError, type JobRefusal, withoutStructuredValue } from './job-errors.ts';
import { buildJob, ownerReference, withoutReserved } from './job.ts';
import { stepAt, type StepPosition } from './position.ts';

export interface ClaimManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'PersistentVolumeClaim';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly ownerReferences: readonly OwnerReference[];
  };
  readonly spec: Frozen<V1PersistentVolumeClaimSpec>;
}

/**
 * The claims of the sequence in the order of their templates. Deterministic: the same object gives the same manifests.
 * The owner reference has the garbage collector delete them with the sequence.
 */
export const buildClaims = (object: SequentialJob): readonly ClaimManifest[] =>
  claimTemplatesOf(object).map((template) => buildClaim(object, template));

function buildClaim(object: SequentialJob, template: ClaimTemplate): ClaimManifest {
  const { name, namespace, uid } = object.metadata;
  const { labels, annotations } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(object, template),
      namespace,
      labels: {
        ...withoutReserved(labels ?? {}, 'labels'),
        [LABELS.managedBy]: MANAGER,
        [LABELS.name]: name,
        [LABELS.uid]: uid,
      },
      annotations: {
        ...withoutReserved(annotations ?? {}, 'annotations'),
        [CLAIM_TEMPLATE_ANNOTATION]: templateHash(template),
      },
      ownerReferences: [ownerReference(object)],
    },
    spec: template.spec ?? {},
  };
}

/** The names of the claims that the Pod of the step at `position` mounts, also those that are not the sequence's own. */
export function claimsOfStep(object: SequentialJob, position: StepPosition): readonly string[] {
  if (stepAt(object.spec, position) === undefined) return [];
  const { volumes } = buildJob(object, position, 0).spec.template.spec ?? {};
  return (volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
}

/** Shows whether an existing claim was made from this template; whatever the order of its keys. */
const templateHash = (template: ClaimTemplate): string => sha256(JSON.stringify(withSortedKeys(template)));

function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, withSortedKeys(value[key])]));
}

/** All errors of the refused claim of the template at `index`, as fields of the SequentialJob; at least one. */
export function claimErrorsOf({ message, causes }: JobRefusal, index: number): readonly JobError[] {
  const at = `${CLAIM_TEMPLATES_FIELD}[${index}]`;
  const named = causes.filter((cause) => cause.message !== undefined && cause.message !== '');
  if (named.length === 0) return [{ index: undefined, field: at, message }];
  return named.map(({ field = '', message: text = '' }) => ({
    index: undefined,
    field: claimField(field, index),
    message: withoutStructuredValue(text),
  }));
}

/** The field of the claim made from the template at `index`, as a field of the SequentialJob. */
export const claimField = (field: string, index: number): string =>
  `${CLAIM_TEMPLATES_FIELD}[${index}]${field === '' ? '' : `.${field}`}`;

/** Whether the error is about a claim and not about a Job. */
export const isClaimError = ({ field }: JobError): boolean => field.startsWith(CLAIM_TEMPLATES_FIELD);
