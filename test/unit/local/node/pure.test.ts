import { describe, expect, it } from '@jest/globals';
import { resolveEnvironment, type Sources } from '../../../../local/node/environment.ts';
import { expand } from '../../../../local/node/expansion.ts';
import type { Claim, Container, Pod } from '../../../../local/node/objects.ts';
import { needsVolume, volumeFor } from '../../../../local/node/provisioner.ts';
import { tailOf, terminationMessage } from '../../../../local/node/termination.ts';

const pod = (spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1', labels: { app: 'x' }, ...metadata },
  spec: { containers: [], ...spec },
});

describe('expand', () => {
  it.each([
    ['a known name', 'a $(A) b', 'a 1 b'],
    ['an unknown name as it stands', '$(NO)', '$(NO)'],
    ['an escaped reference', '$$(A)', '$(A)'],
    ['a shell command as it stands', '$(wc -l < f)', '$(wc -l < f)'],
    ['a lone dollar', 'cost $5 $', 'cost $5 $'],
    ['one after another', '$(A)$(A)', '11'],
  ])('leaves or replaces %s', (_, text, expected) => {
    expect(expand(text, { A: '1' })).toBe(expected);
  });
});

const sources: Sources = {
  configMaps: new Map([['cm', { A: Buffer.from('1'), B: Buffer.from('2') }]]),
  secrets: new Map([['s', { KEY: Buffer.from('k') }]]),
};
const container = (part: Partial<Container>): Container => ({ name: 'c', ...part });
const secretRef = (name: string, key: string, optional?: boolean) => ({
  valueFrom: { secretKeyRef: { name, key, ...(optional === undefined ? {} : { optional }) } },
});

describe('resolveEnvironment', () => {
  it.each<[string, Partial<Container>, Readonly<Record<string, string>>]>([
    ['a plain value', { env: [{ name: 'X', value: 'v' }] }, { X: 'v' }],
    [
      'a reference to an earlier value',
      {
        env: [
          { name: 'X', value: '1' },
          { name: 'Y', value: '$(X)2' },
        ],
      },
      { X: '1', Y: '12' },
    ],
    [
      'a reference to a later value as it stands',
      {
        env: [
          { name: 'Y', value: '$(X)' },
          { name: 'X', value: '1' },
        ],
      },
      { Y: '$(X)' },
    ],
    ['a config map with a prefix', { envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }] }, { P_A: '1' }],
    ['env over envFrom', { envFrom: [{ configMapRef: { name: 'cm' } }], env: [{ name: 'A', value: '9' }] }, { A: '9' }],
  ])('gives %s', (_, part, expected) => {
    const result = resolveEnvironment(pod(), container(part), sources);
    expect(result).toMatchObject({ ok: true, values: expected });
  });

  it.each<[string, Partial<Container>, string]>([
    ['a missing secret', { env: [{ name: 'X', ...secretRef('no', 'KEY') }] }, 'secret "no" not found'],
    ['a missing key', { env: [{ name: 'X', ...secretRef('s', 'NO') }] }, "couldn't find key NO in Secret ns/s"],
    ['a missing config map', { envFrom: [{ configMapRef: { name: 'no' } }] }, 'configmap "no" not found'],
    [
      'an unknown field',
      { env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'x.y' } } }] },
      'unsupported fieldPath: x.y',
    ],
  ])('names %s', (_, part, message) => {
    expect(resolveEnvironment(pod(), container(part), sources)).toEqual({ ok: false, message });
  });

  it('omits optional references that are missing', () => {
    const part = {
      envFrom: [{ secretRef: { name: 'no', optional: true } }],
      env: [{ name: 'X', ...secretRef('s', 'NO', true) }],
    };
    const result = resolveEnvironment(pod(), container(part), sources);
    expect(result.ok && 'X' in result.values).toBe(false);
  });
});

const claim = (spec: Partial<Claim['spec']>, phase = 'Pending'): Claim => ({
  metadata: { name: 'data', namespace: 'ns', uid: 'cu', resourceVersion: '1' },
  spec,
  status: { phase },
});

describe('needsVolume', () => {
  it.each<[string, Claim, boolean]>([
    ['of our class', claim({ storageClassName: 'local' }), true],
    ['of no class', claim({}), true],
    ['of another class', claim({ storageClassName: 'fast' }), false],
    ['that is bound', claim({}, 'Bound'), false],
    ['that names its volume', claim({ volumeName: 'pv' }), false],
    ['with a selector', claim({ selector: {} }), false],
  ])('a claim %s', (_, given, expected) => {
    expect(needsVolume(given)).toBe(expected);
  });

  it('returns a volume that is bound to this very claim', () => {
    const spec = {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'local',
      resources: { requests: { storage: '10Mi' } },
    };
    expect(volumeFor(claim(spec), '/f')).toMatchObject({
      metadata: { name: 'pvc-cu' },
      spec: {
        capacity: { storage: '10Mi' },
        claimRef: { name: 'data', namespace: 'ns', uid: 'cu' },
        hostPath: { path: '/f' },
      },
    });
  });
});

describe('terminationMessage', () => {
  const base = { file: '', logTail: 'last words\n', exitCode: 1, policy: 'File' };
  it.each([
    ['the file', { ...base, file: 'm' }, 'm'],
    ['the file before the log', { ...base, file: 'm', policy: 'FallbackToLogsOnError' }, 'm'],
    ['the log after a failure, where asked for', { ...base, policy: 'FallbackToLogsOnError' }, 'last words\n'],
    ['nothing after a success', { ...base, policy: 'FallbackToLogsOnError', exitCode: 0 }, undefined],
    ['nothing where nothing is asked for', base, undefined],
  ])('is %s', (_, given, expected) => {
    expect(terminationMessage(given)).toBe(expected);
  });

  it('is limited to 80 lines and 2 KiB', () => {
    expect(tailOf('x\n'.repeat(100)).split('\n')).toHaveLength(81);
    expect(Buffer.byteLength(tailOf('x'.repeat(5000)))).toBe(2048);
  });
});
