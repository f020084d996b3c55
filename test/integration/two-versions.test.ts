/** Users of both API versions with one object: whatever they do with kubectl, each of them sees it in their version. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import type { CommandResult } from '../support/cluster.ts';
import {
  type Change,
  changed,
  fileIn,
  KubectlUser,
  otherThan,
  type Version,
  VERSIONS,
} from '../support/kubectl-user.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { withNamespace } from '../support/with-controller.ts';

const { namespace } = withNamespace('two-versions');
const folder = temporaryFolder();

const USERS: Readonly<Record<Version, () => KubectlUser>> = {
  v1alpha1: () => new KubectlUser('v1alpha1', namespace, folder),
  v1beta1: () => new KubectlUser('v1beta1', namespace, folder),
};

const SPEC: SequentialJobSpec = {
  steps: [
    { name: 'extract', image: 'busybox:1.36', job: { backoffLimit: 41 } },
    { name: 'load', image: 'busybox:1.34', onFailure: 'Continue' },
  ],
  ttlSecondsAfterFinished: 86401,
};

const IMAGE: Change = { from: 'busybox:1.36', to: 'busybox:1.35' };
const LIMIT: Change = { from: 'backoffLimit: 41', to: 'backoffLimit: 42' };
const TTL: Change = { from: '86401', to: '86402' };

const IMMUTABLE = {
  v1alpha1: 'spec.stepPolicies[0].backoffLimit: Invalid value: 42: field is immutable',
  v1beta1: 'spec.steps[0].job.backoffLimit: Invalid value: 42: field is immutable',
} as const;

const ACCEPTED: CommandResult = { code: 0, stdout: expect.stringMatching(/\S/) as unknown as string, stderr: '' };

/** What somebody does who wants this change of a spec. */
type Act = (user: KubectlUser, name: string, spec: SequentialJobSpec, change: Change) => Promise<CommandResult>;

const sends =
  (command: string): Act =>
  (user, name, spec, change) =>
    user.send(command, name, changed(spec, change));

const ACTS: Readonly<Record<string, Act>> = {
  apply: sends('apply'),
  'apply --server-side': sends('apply --server-side --force-conflicts'),
  edit: (user, name, _, change) => user.edit(name, change),
  'patch --type=merge': (user, name, spec, change) => user.mergePatch(name, changed(spec, change)),
  'patch --type=json': (user, name, _, change) => user.jsonPatch(name, change),
  replace: (user, name, _, change) => user.replace(name, change),
};

const started = (name: string): Promise<object> =>
  namespace.setStatus(name, { startTime: '2026-01-01T00:00:00Z', steps: [{ index: 0, name: 'extract', state: 'Running' }] });

/** What both users see of the object. */
async function expectSeen(name: string, spec: SequentialJobSpec): Promise<void> {
  for (const version of VERSIONS)
    expect((await USERS[version]().read(name)).spec).toMatchObject(fileIn(version, name, spec)['spec'] as object);
}

describe.each(VERSIONS)('a user of %s, with an object that somebody has applied in the other version', (version) => {
  const acts = Object.entries(ACTS).map(([command, act], i) => ({ command, act, name: `${version}-${i}` }));

  it.each(acts)('changes it with $command, and once it has started what may change then', async ({ act, name }) => {
    const user = USERS[version]();
    expect(await USERS[otherThan(version)]().send('apply', name, SPEC)).toEqual(ACCEPTED);
    expect(await act(user, name, SPEC, IMAGE)).toEqual(ACCEPTED);
    const spec = changed(SPEC, IMAGE);
    await expectSeen(name, spec);
    await started(name);
    const { code, stderr } = await act(user, name, spec, LIMIT);
    expect(code).toBe(1);
    expect(stderr).toContain(IMMUTABLE[version]);
    expect(stderr).not.toContain(IMMUTABLE[otherThan(version)]);
    expect(await act(user, name, spec, TTL)).toEqual(ACCEPTED);
    await expectSeen(name, changed(spec, TTL));
    expect((await user.read(name)).metadata.generation).toBe(3);
  });
});
