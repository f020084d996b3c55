/** AdmissionReviews as the API server sends them: a test says only what it is about. */
import { isObject } from '../../shared/json/untrusted.ts';
import type { AdmissionRequest } from '../../webhook/review.ts';

export const REVIEW_UID = '705ab4f5-6393-11e8-b7cc-42010a800002';

/** A review about a SequentialJob of v1alpha1, the version of the webhook's requests where nothing is said; CREATE unless the request says otherwise. */
export function admissionReview(request: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const kind = { group: 'batch.example.com', version: 'v1alpha1', kind: 'SequentialJob' };
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: REVIEW_UID, kind, namespace: 'team-a', operation: 'CREATE', ...request },
  };
}

/** The same, decoded. How long it was is not known: its values are counted. */
export function admissionRequest(request: Partial<AdmissionRequest>): AdmissionRequest {
  const plain = { operation: 'CREATE', subResource: '', namespace: 'team-a' } as const;
  return { ...plain, object: null, oldObject: null, bytes: Infinity, ...request };
}

/** An object with this spec, as a user writes it: in v1beta1 if it has steps, else in v1alpha1. */
export function written(spec: unknown, metadata: unknown = { name: 'etl' }): Readonly<Record<string, unknown>> {
  const version = isObject(spec) && 'steps' in spec ? 'v1beta1' : 'v1alpha1';
  return { apiVersion: `batch.example.com/${version}`, kind: 'SequentialJob', metadata, spec };
}
