/** What a real API server answers when it is asked for what a step needs: whether it is there, and no contents. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { DependencyChecker } from '../../controller/act/dependency-checker.ts';
import type { Dependency, DependencyKind } from '../../shared/jobs/dependencies.ts';
import { type ApiClient, createApiClient, METADATA_ONLY } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import {
  collectionPath,
  CONFIG_MAPS,
  objectPath,
  PERSISTENT_VOLUME_CLAIMS,
  type Resource,
  SECRETS,
} from '../../shared/kube/resources.ts';
import { connect, kubeconfig, Namespace } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { recordingLog } from '../support/recording-log.ts';

const NAME = 'here';
/** `hush`, as it stands in a Secret. */
const HUSH = Buffer.from('hush').toString('base64');

/** What is there, and the field with its contents. */
const THERE: readonly (readonly [DependencyKind, Resource, 'data' | 'spec', object])[] = [
  ['Secret', SECRETS, 'data', { data: { password: HUSH } }],
  ['ConfigMap', CONFIG_MAPS, 'data', { data: { greeting: 'hush' } }],
  [
    'PersistentVolumeClaim',
    PERSISTENT_VOLUME_CLAIMS,
    'spec',
    { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } },
  ],
];

let client: ApiClient;
let namespace: Namespace;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'dependencies');
  for (const [, resource, , contents] of THERE) {
    const body = { metadata: { name: NAME, labels: { seen: 'yes' } }, ...contents };
    await client.request({ method: 'POST', path: collectionPath(resource, namespace.name), body });
  }
});

afterAll(async () => {
  await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
  await client.close();
});

/** A checker, all that the API server answers it, and all that it says. */
function checker(through: ApiClient) {
  const answers: unknown[] = [];
  const recording: ApiClient = {
    server: through.server,
    async request<T>(request: Parameters<ApiClient['request']>[0]) {
      const answer = await through.request<T>(request);
      answers.push(answer);
      return answer;
    },
    stream: (request) => through.stream(request),
    close: () => through.close(),
  };
  const { log, lines } = recordingLog();
  const now = (): number => performance.now();
  return { checker: new DependencyChecker({ client: recording, log, checkSecrets: true, now }), answers, lines };
}

describe.each(THERE)('a %s', (kind, resource, field) => {
  const there: Dependency = { kind, name: NAME };
  const absent: Dependency = { kind, name: 'absent' };

  it('is found or missing', async () => {
    const needed = [absent, there];
    expect(await checker(client).checker.missing(namespace.name, needed)).toEqual([absent]);
  });

  it('is answered for without its contents', async () => {
    const { checker: one, answers } = checker(client);
    await one.missing(namespace.name, [there]);
    expect(answers).toEqual([
      {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: expect.objectContaining({ name: NAME, namespace: namespace.name, labels: { seen: 'yes' } }),
      },
    ]);
    expect(JSON.stringify(answers)).not.toMatch(new RegExp(`hush|${HUSH}`));
    // And it has some, which a plain question brings.
    const whole = await client.request({ method: 'GET', path: objectPath(resource, namespace.name, NAME) });
    expect(whole).toHaveProperty(field);
  });

  it('that is not there is answered by a Status', async () => {
    const path = objectPath(resource, namespace.name, 'absent');
    await expect(client.request({ method: 'GET', path, accept: METADATA_ONLY })).rejects.toMatchObject({
      code: 'NotFound',
      status: 404,
    });
  });
});

describe('a user who may get config maps and nothing else', () => {
  const USER = 'reader-of-config-maps';
  let reader: ApiClient;

  beforeAll(async () => {
    const path = (plural: string): string =>
      collectionPath({ root: '/apis/rbac.authorization.k8s.io/v1', plural }, namespace.name);
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }];
    await client.request({ method: 'POST', path: path('roles'), body: { metadata: { name: NAME }, rules } });
    const apiGroup = 'rbac.authorization.k8s.io';
    const body = {
      metadata: { name: NAME },
      roleRef: { apiGroup, kind: 'Role', name: NAME },
      subjects: [{ apiGroup, kind: 'User', name: USER }],
    };
    await client.request({ method: 'POST', path: path('rolebindings'), body });
    const { clusters, contexts, users, currentContext } = loadKubeConfig({ path: kubeconfig() });
    const config = new KubeConfig();
    const impersonating = users.map((user) => Object.assign({}, user, { impersonateUser: USER }));
    config.loadFromOptions({ clusters, contexts, users: impersonating, currentContext });
    reader = createApiClient(config, { userAgent: 'sequentialjob-tests' });
    // The authorizer learns of the role by a watch.
    await eventually('the permission', async () =>
      reader.request({ method: 'GET', path: objectPath(CONFIG_MAPS, namespace.name, NAME), accept: METADATA_ONLY }),
    );
  });

  afterAll(async () => {
    await reader.close();
  });

  it('hears of missing config maps, and once each that the rest is not checked', async () => {
    const { checker: one, lines } = checker(reader);
    const needed = THERE.map(([kind]) => ({ kind, name: 'absent' }));
    expect(await one.missing(namespace.name, needed)).toEqual([{ kind: 'ConfigMap', name: 'absent' }]);
    expect(await one.missing(namespace.name, needed)).toEqual([{ kind: 'ConfigMap', name: 'absent' }]);
    expect(lines).toHaveLength(2);
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(new Set(['PersistentVolumeClaim', 'Secret']));
    expect(lines[0]?.['reason']).toContain(USER);
  });
});
