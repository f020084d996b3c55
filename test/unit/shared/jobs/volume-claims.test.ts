import { describe, expect, it } from '@jest/globals';
import type { SequentialJob, SequentialJobSpec } from '../../../../shared/api/types.ts';
import { dependenciesOf } from '../../../../shared/jobs/dependencies.ts';
import { formatJobError } from '../../../../shared/jobs/job-errors.ts';
import { buildJob } from '../../../../shared/jobs/job.ts';
import { buildClaims, claimErrorsOf, claimsOfStep, isClaimError } from '../../../../shared/jobs/volume-claims.ts';
import { container, ownedBy, sequentialJob, UID } from '../../../support/objects.ts';

type Templates = NonNullable<SequentialJobSpec['volumeClaimTemplates']>;

const WORK: Templates[number] = {
  metadata: { name: 'work' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};
const withClaims = (volumeClaimTemplates: Templates, spec: Partial<SequentialJobSpec> = {}): SequentialJob =>
  sequentialJob({ spec: { volumeClaimTemplates, ...spec } });

const mounts = (...names: readonly string[]) => ({
  volumeMounts: names.map((name) => ({ name, mountPath: `/${name}` })),
});

describe('the claim of a template', () => {
  it('has its spec, our labels, and the sequence as its owner', () => {
    expect(buildClaims(withClaims([WORK]))).toEqual([
      {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          name: 'work-etl',
          namespace: 'team-a',
          labels: {
            'app.kubernetes.io/managed-by': 'sequentialjob-controller',
            'batch.example.com/sequentialjob': 'etl',
            'batch.example.com/sequentialjob-uid': UID,
          },
          annotations: { 'batch.example.com/claim-template': expect.stringMatching(/^[a-z0-9]{1,13}$/) },
          ownerReferences: [ownedBy()],
        },
        spec: WORK.spec,
      },
    ]);
  });

  it('has the user’s labels and annotations, but no reserved ones', () => {
    const keys = { team: 'a', 'batch.example.com/x': 'b', 'batch.example.com/sequentialjob-uid': 'c' };
    const [claim] = buildClaims(withClaims([{ ...WORK, metadata: { name: 'work', labels: keys, annotations: keys } }]));
    expect(Object.keys(claim?.metadata.labels ?? {}).sort()).toEqual([
      'app.kubernetes.io/managed-by',
      'batch.example.com/sequentialjob',
      'batch.example.com/sequentialjob-uid',
      'team',
    ]);
    expect(claim?.metadata.labels['batch.example.com/sequentialjob-uid']).toBe(UID);
    expect(Object.keys(claim?.metadata.annotations ?? {}).sort()).toEqual(['batch.example.com/claim-template', 'team']);
  });

  it('shows whether the template has changed since', () => {
    const larger = { ...WORK, spec: { ...WORK.spec, resources: { requests: { storage: '2Gi' } } } };
    const { metadata, spec } = WORK;
    const reordered = {
      spec: { resources: spec?.resources ?? {}, accessModes: spec?.accessModes ?? [] },
      metadata: metadata ?? {},
    };
    const [before, after, again] = [WORK, larger, reordered].map(
      (one) => buildClaims(withClaims([one]))[0]?.metadata.annotations,
    );
    expect(before).not.toEqual(after);
    expect(before).toEqual(again);
  });
});

describe('the Pod of a step', () => {
  const object = withClaims([WORK, { ...WORK, metadata: { name: 'disk' } }, { ...WORK, metadata: { name: 'log' } }], {
    steps: [
      container('a', mounts('work')),
      container('b', { volumeDevices: [{ name: 'disk', devicePath: '/dev/x' }] }),
      container('c', mounts('other', 'work')),
      container('d'),
    ],
    finally: [container('e', mounts('work'))],
    template: {
      spec: {
        containers: [],
        volumes: [{ name: 'other', persistentVolumeClaim: { claimName: 'shared' } }],
        initContainers: [container('init', mounts('log'))],
      },
    },
  });
  const volumesOf = (position: number) => buildJob(object, position, 0).spec.template.spec?.volumes;

  it.each([
    ['mounts a claim', 0, ['work', 'log']],
    ['uses a claim as a device', 1, ['disk', 'log']],
    ['mounts a volume of the template and a claim', 2, ['other', 'work', 'log']],
    ['mounts none, but an init container does', 3, ['log']],
    ['is one of finally', 4, ['work', 'log']],
  ] as const)('that %s has only those volumes', (_which, position, names) => {
    expect(volumesOf(position)?.map(({ name }) => name)).toEqual(names);
  });

  it('has the claim of the sequence under the name of the template', () => {
    expect(volumesOf(0)?.[0]).toEqual({ name: 'work', persistentVolumeClaim: { claimName: 'work-etl' } });
  });

  it.each([
    ['mounts its own and another claim', 2, ['shared', 'work-etl', 'log-etl']],
    ['does not exist', 9, []],
  ] as const)('that %s waits for these claims', (_which, position, names) => {
    expect(claimsOfStep(object, position)).toEqual(names);
  });

  it('needs the claims that are not the sequence’s own to exist', () => {
    expect(dependenciesOf(object, 2)).toEqual([{ kind: 'PersistentVolumeClaim', name: 'shared' }]);
    const volumes = [{ name: 'other', persistentVolumeClaim: { claimName: 'work-etl' } }];
    const named = withClaims([WORK], { ...object.spec, template: { spec: { containers: [], volumes } } });
    expect(dependenciesOf(named, 2)).toEqual([]);
  });
});

describe('the errors of a refused claim', () => {
  it.each([
    [
      'the fields that the server names',
      [
        { field: 'spec.accessModes', message: 'Required value' },
        { field: 'metadata.labels', message: 'Invalid value: "a b"' },
        { field: 'spec.resources', message: 'Invalid value: core.VolumeResourceRequirements{Limits:nil}: must be set' },
      ],
      [
        'spec.volumeClaimTemplates[3].spec.accessModes: Required value',
        'spec.volumeClaimTemplates[3].metadata.labels: Invalid value: "a b"',
        'spec.volumeClaimTemplates[3].spec.resources: Invalid value: must be set',
      ],
    ],
    ['the whole answer if it names none', [], ['spec.volumeClaimTemplates[3]: all of it']],
    ['the message of a webhook', [{ message: 'denied' }], ['spec.volumeClaimTemplates[3]: denied']],
  ])('are %s', (_what, causes, lines) => {
    const errors = claimErrorsOf({ message: 'all of it', causes }, 3);
    expect(errors.map(formatJobError)).toEqual(lines);
    expect(errors.every(isClaimError)).toBe(true);
  });
});
