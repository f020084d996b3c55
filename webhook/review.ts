/** Decodes and encodes AdmissionReviews of admission.k8s.io/v1 (k8s.io/api/admission/v1 types.go). Pure. */
import { API_VERSION, CRON, GROUP, KIND } from '../shared/api/group.ts';
import { API_VERSIONS } from '../shared/conversion/index.ts';
import { asObject, nonEmptyString, type Untrusted } from '../shared/json/untrusted.ts';
import type { AdmissionDecision } from './response.ts';

export const REVIEW_API_VERSION = 'admission.k8s.io/v1';
export const REVIEW_KIND = 'AdmissionReview';

export const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A request with a UID, so that it can be answered; its other fields are not validated yet. */
export interface UndecodedRequest {
  readonly uid: string;
  readonly request: Untrusted<Record<string, unknown>>;
  /** The length of the review in bytes. */
  readonly bytes: number;
}

/** A valid request for a SequentialJob or a CronSequentialJob. The objects are as the client sent them, in either API version. */
export interface AdmissionRequest {
  readonly operation: Operation;
  /** Empty for the main resource. */
  readonly subResource: string;
  readonly namespace: string;
  /** Present on CREATE and UPDATE. */
  readonly object: unknown;
  /** Present on UPDATE and DELETE. */
  readonly oldObject: unknown;
  /** The length of the review in bytes. */
  readonly bytes: number;
}

export type Decoded<T> = { readonly value: T } | { readonly problem: string };

/**
 * Finds the request in a body of `bytes` bytes. A request with a UID is returned; otherwise the result is a problem
 * in one line.
 */
export function decodeReview(body: unknown, bytes: number): Decoded<UndecodedRequest> {
  const review = asObject<{ apiVersion: string; kind: string; request: object }>(body);
  if (review === undefined) return { problem: `the body must be an ${REVIEW_KIND}` };
  if (review.apiVersion !== REVIEW_API_VERSION || review.kind !== REVIEW_KIND) {
    return { problem: `apiVersion and kind must be ${REVIEW_API_VERSION} and ${REVIEW_KIND}` };
  }
  const request = asObject<Record<string, unknown>>(review.request);
  if (request === undefined) return { problem: 'request must be an object' };
  const uid = nonEmptyString(request['uid']);
  return uid === undefined ? { problem: 'request.uid must be a non-empty string' } : { value: { uid, request, bytes } };
}

/** The API versions of each kind that is reviewed. */
const KINDS: ReadonlyMap<string, readonly string[]> = new Map([
  [KIND, API_VERSIONS],
  [CRON.kind, [API_VERSION]],
]);

const SUPPORTED = [...KINDS].map(([kind, versions]) => `${kind} of ${versions.join(' or ')}`).join(', or ');

/** Whether the kind and the API version belong together. */
const isSupported = (kind: unknown, apiVersion: unknown): kind is string =>
  typeof kind === 'string' && KINDS.get(kind)?.some((one) => one === apiVersion) === true;

/** Validates a request: a mismatch with this webhook or its operation is a problem in one line. */
export function decodeRequest({ request, bytes }: UndecodedRequest): Decoded<AdmissionRequest> {
  const { group, version, kind } = asObject<{ group: string; version: string; kind: string }>(request['kind']) ?? {};
  if (group !== GROUP || typeof version !== 'string' || !isSupported(kind, `${GROUP}/${version}`)) {
    return { problem: `request.kind must be ${SUPPORTED}` };
  }
  const operation = OPERATIONS.find((known) => known === request['operation']);
  if (operation === undefined) return { problem: `request.operation must be one of ${OPERATIONS.join(', ')}` };
  const subResource = nonEmptyString(request['subResource']) ?? '';
  const namespace = nonEmptyString(request['namespace']) ?? '';
  const { object, oldObject } = request;
  const needed = { CREATE: { object }, UPDATE: { object, oldObject }, DELETE: {}, CONNECT: {} }[operation];
  // A subresource may have its own kind; the webhook does not read it.
  for (const [name, value] of Object.entries(subResource === '' ? needed : {})) {
    const problem = objectProblem(value, kind);
    if (problem !== undefined) return { problem: `request.${name} ${problem}` };
  }
  return { value: { operation, subResource, namespace, object, oldObject, bytes } };
}

function objectProblem(value: unknown, kind: string): string | undefined {
  const object = asObject<{ apiVersion: string; kind: string }>(value);
  if (object === undefined) return 'must be an object';
  return object.kind === kind && isSupported(kind, object.apiVersion)
    ? undefined
    : `must have apiVersion ${KINDS.get(kind)?.join(' or ')} and kind ${kind}`;
}

/** The whole answer as JSON. */
export function encodeReview(uid: string, verdict: AdmissionDecision): string {
  return JSON.stringify({ apiVersion: REVIEW_API_VERSION, kind: REVIEW_KIND, response: { uid, ...verdict } });
}
