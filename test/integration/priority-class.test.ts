/** The priority class that is ours alone: as a server that knows the policy beside it decides about other people's Pods. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubectl, type CommandResult, tryKubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { type Manifest, ofKind, parseManifests, ROOT } from '../support/manifests.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

/** ValidatingAdmissionPolicies are of Kubernetes 1.30. */
const { minor } = await serverOfTests();
const OVERLAY = join(ROOT, 'config/overlays/priority-class');
const SYSTEM = 'sequentialjob-system';

/** What the overlay has beside config/default. */
async function manifests(): Promise<readonly Manifest[]> {
  const { stdout } = await tryKubectl(['kustomize', OVERLAY]);
  return parseManifests(stdout).filter(({ metadata: { name } }) => /^sequentialjob(-priority-class)?$/.test(name));
}

describe('config/priority-class', () => {
  it('makes nobody’s Pods more important by default', async () => {
    expect(ofKind(await manifests(), 'PriorityClass')).toEqual([expect.objectContaining({ globalDefault: false })]);
  });
});

onServersWhere(minor >= 30)('the priority class of the operator', () => {
  let client: ApiClient;
  let namespace: Namespace;

  /** A dry run: admission is asked, and nothing is stored. */
  async function pod(where: string, priorityClassName?: string): Promise<CommandResult> {
    const containers = [{ name: 'c', image: 'busybox:1.36' }];
    const spec = priorityClassName === undefined ? { containers } : { containers, priorityClassName };
    const metadata = { name: 'probe', namespace: where };
    return tryKubectl(['create', '--dry-run=server', '-f', '-'], { apiVersion: 'v1', kind: 'Pod', metadata, spec });
  }

  beforeAll(async () => {
    client = connect();
    namespace = await Namespace.create(client, 'priority');
    await tryKubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } });
    for (const object of await manifests()) await tryKubectl(['apply', '-f', '-'], object);
    for (const where of [namespace.name, SYSTEM]) {
      await eventually('the service account', async () => {
        await kubectl('get', 'serviceaccount', 'default', '-n', where);
        return true;
      });
    }
  }, 60_000);

  afterAll(async () => {
    for (const object of await manifests()) await tryKubectl(['delete', '-f', '-'], object);
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
    await client.close();
  });

  it('is refused to a Pod of another namespace, in words that say why', async () => {
    // The API server learns of a policy by a watch.
    const said = await eventually('the policy', async () => {
      const answer = await pod(namespace.name, 'sequentialjob');
      return answer.code === 0 ? undefined : answer;
    });
    expect(said.stderr).toContain("is for Pods in the operator's namespace only");
  });

  it('is the operator’s', async () => {
    expect(await pod(SYSTEM, 'sequentialjob')).toMatchObject({ code: 0 });
  });

  it.each([undefined, 'system-node-critical'])(
    'and nobody else is asked for a reason: a Pod of the class %s',
    async (name) => {
      expect(await pod(namespace.name, name)).toMatchObject({ code: 0 });
    },
  );
});
