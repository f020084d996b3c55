/** What docs/versions.md says of two clients with one API version each that apply the same object. */
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { CRD } from '../../config/generate/crd.ts';
import { withWebhook } from '../support/definitions.ts';
import { eventually } from '../support/eventually.ts';
import { type AnyVersion, type Fields, toV1beta1, V1ALPHA1 } from '../support/versions.ts';
import { convertingControlPlane } from '../support/converting-control-plane.ts';

jest.setTimeout(120_000);

const own = convertingControlPlane({ node: false, controllerManager: false });
const apply: typeof own.apply = (object, ...flags) => own.apply(object, ...flags);

beforeAll(async () => {
  await apply(withWebhook(CRD, own.webhook));
  await eventually('both versions are served', async () => apply(v1alpha1('probe', {})));
});

const v1alpha1 = (name: string, spec: Fields): AnyVersion => ({
  apiVersion: V1ALPHA1,
  kind: 'SequentialJob',
  metadata: { name },
  spec: { containers: [{ name: 'load', image: 'busybox:1.36' }], ...spec },
});
/** A file without `stepPolicies` says nothing of a step. */
const v1beta1 = (name: string, spec: Fields): AnyVersion => toV1beta1(v1alpha1(name, spec));

const specOf = async (name: string): Promise<Fields> =>
  (JSON.parse(await own.kubectl('get', 'sequentialjob', name, '-o', 'json')) as AnyVersion).spec;

const LIMITS = { backoffLimit: 0, ttlSecondsAfterFinished: 9 };

describe('a file in v1beta1 after one in v1alpha1 that had more fields', () => {
  it('with client-side apply: what both versions have in one place is removed, what they have in two is not', async () => {
    await apply(v1alpha1('client', LIMITS));
    await apply(v1beta1('client', {}));
    const spec = await specOf('client');
    expect(spec['job']).toEqual({ backoffLimit: 0 });
    expect(spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(await apply(v1beta1('client', {}))).toMatch(/unchanged/);
  });

  it('with server-side apply: both are removed', async () => {
    await apply(v1alpha1('server', LIMITS), '--server-side');
    await apply(v1beta1('server', {}), '--server-side');
    const spec = await specOf('server');
    expect(spec['job']).toEqual({ backoffLimit: 3 });
    expect(spec).not.toHaveProperty('ttlSecondsAfterFinished');
  });
});

it('a conflict of server-side apply names the fields of the other client’s version', async () => {
  await apply(v1alpha1('conflict', { backoffLimit: 0 }), '--server-side', '--field-manager=alice');
  await expect(apply(v1beta1('conflict', { backoffLimit: 1 }), '--server-side', '--field-manager=bob')).rejects.toThrow(
    /conflict with "alice".*\.spec\.backoffLimit/s,
  );
});

it('while the webhook is down, an object that is managed in v1alpha1 is written and deleted in v1beta1', async () => {
  await apply(v1alpha1('managed', {}), '--server-side');
  await own.webhook.child.stop(0);
  await own.kubectl('patch', 'sequentialjob', 'managed', '--type=merge', '--patch={"spec":{"suspend":true}}');
  expect((await specOf('managed'))['suspend']).toBe(true);
  await own.kubectl('delete', 'sequentialjob', 'managed');
});
