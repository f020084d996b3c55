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
  namespace.setStatus(name, {
    startTime: '2026-01-01T00:00:00Z',
    steps: [{ index: 0, name: 'extract', state: 'Running' }],
  });

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

const manager = (version: Version): string => `--field-manager=user-of-${version}`;
const CONFLICT = (version: Version): RegExp => new RegExp(`conflicts? with "user-of-${version}"`);

describe('two users with one version each', () => {
  const [alpha, beta] = [USERS.v1alpha1(), USERS.v1beta1()];

  it('take turns with kubectl apply, and each of them sees what the last one applied', async () => {
    const turns = [IMAGE, LIMIT, TTL, { from: 'Continue', to: 'Stop' }];
    let spec = SPEC;
    for (const [turn, change] of turns.entries()) {
      spec = changed(spec, change);
      expect(await (turn % 2 === 0 ? alpha : beta).send('apply', 'turns', spec)).toEqual(ACCEPTED);
      await expectSeen('turns', spec);
    }
    // The same spec in the other version changes only the annotation of kubectl apply.
    for (const user of [alpha, beta]) expect(await user.send('apply', 'turns', spec)).toEqual(ACCEPTED);
    expect((await alpha.read('turns')).metadata.generation).toBe(turns.length);
  });

  // The annotation of kubectl apply has the fields of the file before, of which kubectl removes what the new one leaves out.
  it('keep what their file leaves out, and the file of the other version had in another place', async () => {
    const { job: _, ...extract } = SPEC.steps[0] ?? { name: '' };
    const without = { ...SPEC, steps: [extract, ...SPEC.steps.slice(1)] };
    await beta.send('apply', 'kept', { ...SPEC, job: { backoffLimit: 5 } });
    expect(await alpha.send('apply', 'kept', without)).toEqual(ACCEPTED);
    expect((await alpha.read('kept')).spec).toMatchObject({ backoffLimit: 5 });
    expect((await beta.read('kept')).spec).toMatchObject({ job: { backoffLimit: 5 } });
  });

  it('conflict in server-side apply where they want different values, until one of them forces it', async () => {
    const apply = `apply --server-side`;
    const send = (user: KubectlUser, spec: SequentialJobSpec, flag = ''): Promise<CommandResult> =>
      user.send(`${apply} ${manager(user.version)} ${flag}`.trim(), 'managed', spec);
    const other = changed(SPEC, IMAGE);
    expect(await send(alpha, SPEC)).toEqual(ACCEPTED);
    expect(await send(beta, SPEC)).toEqual(ACCEPTED);
    expect(await send(beta, other)).toMatchObject({ code: 1, stderr: expect.stringMatching(CONFLICT('v1alpha1')) });
    await expectSeen('managed', SPEC);
    expect(await send(beta, other, '--force-conflicts')).toEqual(ACCEPTED);
    await expectSeen('managed', other);
    expect(await send(alpha, SPEC)).toMatchObject({ code: 1, stderr: expect.stringMatching(CONFLICT('v1beta1')) });
    expect(await send(alpha, SPEC, '--force-conflicts')).toEqual(ACCEPTED);
    await expectSeen('managed', SPEC);
  });

  it('get a refusal of a started sequence in server-side apply, in their words', async () => {
    await started('managed');
    for (const user of [alpha, beta]) {
      const command = `apply --server-side --force-conflicts ${manager(user.version)}`;
      const { stderr } = await user.send(command, 'managed', changed(SPEC, LIMIT));
      expect(stderr).toContain(IMMUTABLE[user.version]);
    }
  });
});

describe('kubectl diff', () => {
  const lines = (text: string): readonly string[] =>
    text
      .split('\n')
      .flatMap((line) => /^[-+] .*(?:busybox:|backoffLimit: ).*$/.exec(line)?.[0].replace(/ +(- )?/, ' ') ?? []);

  beforeAll(() => USERS.v1alpha1().send('apply', 'diff', SPEC));

  it.each(VERSIONS)('shows a user of %s nothing of a file that is applied already', async (version) => {
    expect(await USERS[version]().send('diff', 'diff', SPEC)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it.each(VERSIONS)('shows a user of %s what the file would change', async (version) => {
    const { code, stdout } = await USERS[version]().send('diff', 'diff', changed(changed(SPEC, IMAGE), LIMIT));
    expect(code).toBe(1);
    expect(lines(stdout).toSorted()).toEqual([
      '+ backoffLimit: 42',
      '+ image: busybox:1.35',
      '- backoffLimit: 41',
      '- image: busybox:1.36',
    ]);
  });

  it.each(VERSIONS)('shows a user of %s why a file would be refused', async (version) => {
    await started('diff');
    const { code, stderr } = await USERS[version]().send('diff', 'diff', changed(SPEC, LIMIT));
    expect(code).not.toBe(0);
    expect(stderr).toContain(IMMUTABLE[version]);
  });
});
