import { describe, expect, it } from '@jest/globals';
import { fieldValue } from '../../../../local/node/downward.ts';
import { resolveEnvironment, referencesOf, type Sources } from '../../../../local/node/environment.ts';
import { expand } from '../../../../local/node/expansion.ts';
import type { Claim, Container, Pod } from '../../../../local/node/objects.ts';
import { needsVolume, volumeFor } from '../../../../local/node/provisioner.ts';
import { formatBackoff, restartDelay, shouldRestart } from '../../../../local/node/restart.ts';
import { schedule, type NodeState } from '../../../../local/node/scheduling.ts';
import { tailOf, terminationMessage } from '../../../../local/node/termination.ts';
import { filesOf } from '../../../../local/node/volumes.ts';

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

describe('fieldValue', () => {
  it.each([
    ['metadata.name', 'p'],
    ['metadata.namespace', 'ns'],
    ['metadata.uid', 'u'],
    ["metadata.labels['app']", 'x'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['none']", ''],
    ['metadata.labels', 'app="x"'],
    ['status.podIP', '127.0.0.1'],
    ['spec.restartPolicy', undefined],
  ])('%s', (path, expected) => {
    expect(fieldValue(pod(), path)).toBe(expected);
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
    ['an empty value where none is given', { env: [{ name: 'X' }] }, { X: '' }],
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
    ['a whole config map', { envFrom: [{ configMapRef: { name: 'cm' } }] }, { A: '1', B: '2' }],
    ['a config map with a prefix', { envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }] }, { P_A: '1' }],
    ['env over envFrom', { envFrom: [{ configMapRef: { name: 'cm' } }], env: [{ name: 'A', value: '9' }] }, { A: '9' }],
    ['a secret key', { env: [{ name: 'X', ...secretRef('s', 'KEY') }] }, { X: 'k' }],
    ['the host name', {}, { HOSTNAME: 'p' }],
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

  it('leaves out what is optional and missing', () => {
    const part = {
      envFrom: [{ secretRef: { name: 'no', optional: true } }],
      env: [{ name: 'X', ...secretRef('s', 'NO', true) }],
    };
    const result = resolveEnvironment(pod(), container(part), sources);
    expect(result.ok && 'X' in result.values).toBe(false);
  });

  it('asks for each source once', () => {
    const part = {
      env: [
        { name: 'X', ...secretRef('s', 'A') },
        { name: 'Y', ...secretRef('s', 'B') },
      ],
      envFrom: [{ configMapRef: { name: 'cm' } }],
    };
    expect(referencesOf(container(part))).toEqual({ configMaps: ['cm'], secrets: ['s'] });
  });
});

const claim = (spec: Partial<Claim['spec']>, phase = 'Pending'): Claim => ({
  metadata: { name: 'data', namespace: 'ns', uid: 'cu', resourceVersion: '1' },
  spec,
  status: { phase },
});

describe('schedule', () => {
  const facts = (found?: Claim): NodeState => ({ labels: { disk: 'hdd' }, claim: () => found });
  const withClaim = pod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
  it.each<[string, Pod, NodeState, string]>([
    ['binds a plain pod', pod(), facts(), 'bind'],
    ['ignores a pod that has a node', pod({ nodeName: 'n' }), facts(), 'ignore'],
    ['ignores a pod of another scheduler', pod({ schedulerName: 'mine' }), facts(), 'ignore'],
    ['ignores a pod that is being deleted', pod({}, { deletionTimestamp: 't' }), facts(), 'ignore'],
    ['binds where the selector matches', pod({ nodeSelector: { disk: 'hdd' } }), facts(), 'bind'],
    [
      'refuses where the selector does not match',
      pod({ nodeSelector: { disk: 'ssd' } }),
      facts(),
      "didn't match Pod's node affinity/selector",
    ],
    ['refuses a claim that does not exist', withClaim, facts(), 'persistentvolumeclaim "data" not found'],
    ['refuses a claim that is not bound', withClaim, facts(claim({})), 'unbound immediate PersistentVolumeClaims'],
    ['binds once the claim is bound', withClaim, facts(claim({}, 'Bound')), 'bind'],
  ])('%s', (_, given, node, expected) => {
    const verdict = schedule(given, node);
    expect(verdict.kind === 'unschedulable' ? verdict.message : verdict.kind).toContain(expected);
  });
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

  it('gives a volume that is bound to that very claim', () => {
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

describe('restarts', () => {
  it.each([
    ['Never', 1, false],
    ['OnFailure', 1, true],
    ['OnFailure', 0, false],
    ['Always', 0, true],
  ])('policy %s after exit code %d: %s', (policy, code, expected) => {
    expect(shouldRestart(policy, code)).toBe(expected);
  });

  it.each([
    [0, '0s'],
    [1, '10s'],
    [2, '20s'],
    [5, '2m40s'],
    [6, '5m0s'],
    [60, '5m0s'],
  ])('before restart %d waits %s', (restarts, expected) => {
    expect(formatBackoff(restartDelay(restarts))).toBe(expected);
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

  it('keeps to 80 lines and 2 KiB', () => {
    expect(tailOf('x\n'.repeat(100)).split('\n')).toHaveLength(81);
    expect(Buffer.byteLength(tailOf('x'.repeat(5000)))).toBe(2048);
  });
});

describe('filesOf', () => {
  const base = {
    kind: 'secret',
    name: 's',
    content: { a: Buffer.from('1'), b: Buffer.from('2') },
    optional: false,
    items: undefined,
  };
  it('takes all keys, or those listed under their paths', () => {
    expect(filesOf(base).map(({ path }) => path)).toEqual(['a', 'b']);
    expect(filesOf({ ...base, items: [{ key: 'b', path: 'x/y' }] }).map(({ path }) => path)).toEqual(['x/y']);
  });

  it.each([
    ['the whole', { ...base, content: undefined }, 'secret "s" not found'],
    ['a key', { ...base, items: [{ key: 'no', path: 'p' }] }, 'secret "s" references non-existent key: no'],
  ])('names %s where it is missing', (_, given, message) => {
    expect(() => filesOf(given)).toThrow(message);
    expect(filesOf({ ...given, optional: true })).toEqual([]);
  });
});
