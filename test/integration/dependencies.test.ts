/** What a real API server answers when the controller asks whether an object that a step needs exists: no contents. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DependencyChecker } from '../../controller/act/dependency-checker.ts';
import type { DependencyKind } from '../../shared/jobs/dependencies.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import {
  CONFIG_MAPS,
  objectPath,
  PERSISTENT_VOLUME_CLAIMS,
  type Resource,
  SECRETS,
} from '../../shared/kube/resources.ts';
import { intercept } from '../support/intercept.ts';
import { connectAs } from '../support/permissions.ts';
import { recordingLog } from '../support/recording-log.ts';
import { withNamespace } from '../support/with-controller.ts';

const { client, namespace } = withNamespace('dependencies');

const NAME = 'here';
/** `hush`, as it is stored in a Secret. */
const HUSH = Buffer.from('hush').toString('base64');

/** What exists, and the field with its contents. */
const EXISTING: readonly (readonly [DependencyKind, Resource, field: 'data' | 'spec', contents: object])[] = [
  ['Secret', SECRETS, 'data', { password: HUSH }],
  ['ConfigMap', CONFIG_MAPS, 'data', { greeting: 'hush' }],
  [
    'PersistentVolumeClaim',
    PERSISTENT_VOLUME_CLAIMS,
    'spec',
    { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  ],
];

beforeAll(async () => {
  for (const [, resource, field, contents] of EXISTING) {
    await namespace.createObject(resource, { metadata: { name: NAME, labels: { seen: 'yes' } }, [field]: contents });
  }
});

/** A checker, all that the API server answers it, and all that it logs. */
function checkerOf(connection: ApiClient) {
  const answers: unknown[] = [];
  const recording = intercept(connection, async (_request, send) => {
    const answer = await send();
    answers.push(answer);
    return answer;
  });
  const { log, lines } = recordingLog();
  const options = { client: recording, log, checkSecrets: true, now: () => performance.now() };
  return { checker: new DependencyChecker(options), answers, lines };
}

describe.each(EXISTING)('a %s', (kind, resource, field) => {
  it('does not return the contents of an existing object, and reports a missing one', async () => {
    const { checker, answers } = checkerOf(client);
    const [absent, existing] = [
      { kind, name: 'absent' },
      { kind, name: NAME },
    ];
    expect(await checker.missing(namespace.name, [absent, existing])).toEqual([absent]);
    expect(answers).toEqual([
      {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: expect.objectContaining({ name: NAME, namespace: namespace.name, labels: { seen: 'yes' } }),
      },
    ]);
    expect(JSON.stringify(answers)).not.toMatch(new RegExp(`hush|${HUSH}`));
    // It has contents, which a plain request reads.
    const whole = await client.request({ method: 'GET', path: objectPath(resource, namespace.name, NAME) });
    expect(whole).toHaveProperty(field);
  });
});

describe('a user who may get ConfigMaps and nothing else', () => {
  const USER = 'reader-of-config-maps';
  let reader: ApiClient;

  beforeAll(async () => {
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
    reader = await connectAs(USER, namespace, rules, objectPath(CONFIG_MAPS, namespace.name, NAME));
  });
  afterAll(async () => reader.close());

  it('learns of missing ConfigMaps, and the log reports once for each other kind that it is not checked', async () => {
    const { checker, lines } = checkerOf(reader);
    const needed = EXISTING.map(([kind]) => ({ kind, name: 'absent' }));
    for (let times = 0; times < 2; times++) {
      expect(await checker.missing(namespace.name, needed)).toEqual([{ kind: 'ConfigMap', name: 'absent' }]);
    }
    expect(lines).toHaveLength(2);
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(new Set(['PersistentVolumeClaim', 'Secret']));
    expect(lines[0]?.['reason']).toContain(USER);
  });
});
