/**
 * The operator as `make deploy ROLES=split` has it: the webhook and the controller as two Deployments. What the one shape has
 * in common with the other is in deployment.test.ts. They share one deployment, in this order.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubectl, tryKubectl, untilServiceAccount } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import {
  CONTROLLERS,
  DEPLOYMENT,
  insideOf,
  inSystem,
  leads,
  make,
  operatorPods,
  removeOperator,
  scaleToZero,
  untilBothReady,
  untilPodsGone,
  untilRolledOut,
  WEBHOOK_DEPLOYMENT,
  WEBHOOKS,
} from '../support/deployed.ts';
import { ObjectStream } from '../support/deployed-stream.ts';
import { eventually } from '../support/eventually.ts';
import { sequence } from '../support/sequences.ts';

const IMAGE = process.env['SEQUENTIALJOB_E2E_IMAGE'];
const [suite, title] =
  IMAGE === undefined
    ? [describe.skip, 'two Deployments (not asked for: SEQUENTIALJOB_E2E_IMAGE names no image)']
    : [describe, 'two Deployments'];

const SPLIT = 'ROLES=split';
const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

let client: ApiClient;
let namespace: Namespace;

suite(title, () => {
  beforeAll(async () => {
    client = connect();
    await make('deploy', `IMG=${IMAGE}`, SPLIT);
    await untilRolledOut();
    await untilRolledOut(WEBHOOK_DEPLOYMENT);
    namespace = await Namespace.create(client, 'split');
    await untilServiceAccount(namespace.name);
  }, 600_000);

  afterAll(async () => {
    await removeOperator(SPLIT);
    await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${namespace.name}` });
    await client.close();
  }, 600_000);

  it('have two Pods each, and one leader among the controllers', async () => {
    const controllers = await untilBothReady(client, CONTROLLERS);
    expect(await untilBothReady(client, WEBHOOKS)).toHaveLength(2);
    const leader = async (): Promise<boolean> =>
      (await Promise.all(controllers.map(leads))).filter(Boolean).length === 1;
    await eventually('one leader', leader);
  });

  it('give the token to the controller only, and cannot write any file', async () => {
    const script = `
      const { existsSync, writeFileSync } = require('node:fs');
      const write = (file) => { try { writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; } };
      console.log(JSON.stringify([existsSync('${TOKEN}'), ...['/app/x', '/app/code/x', '/tmp/x'].map(write)]));`;
    const isUnwritable = ['EROFS', 'EROFS', 'EROFS'];
    for (const pod of await untilBothReady(client, CONTROLLERS)) {
      expect(await insideOf(pod, script)).toEqual([true, ...isUnwritable]);
    }
    for (const pod of await untilBothReady(client, WEBHOOKS)) {
      expect(await insideOf(pod, script)).toEqual([false, ...isUnwritable]);
    }
  });

  it('complete a sequence, with its defaults from the webhook', async () => {
    const created = await namespace.apply('etl', sequence(2));
    expect(created.metadata.finalizers).toEqual([FINALIZER]);
    const { status } = await namespace.untilFinished('etl');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '2/2' } });
  });

  it('validate without a controller, and run sequences when it is back', async () => {
    await scaleToZero(DEPLOYMENT, CONTROLLERS);
    const created = await namespace.apply('judged', sequence(1));
    expect(created.spec).toMatchObject({ suspend: false });
    const refused = { apiVersion: 'batch.example.com/v1beta1', kind: 'SequentialJob', spec: { steps: [] } };
    const said = await tryKubectl(
      ['apply', '-n', namespace.name, '-f', '-'],
      Object.assign(refused, { metadata: { name: 'refused' } }),
    );
    expect(said).toMatchObject({ code: 1 });
    await inSystem('scale', DEPLOYMENT, '--replicas=2');
    expect((await namespace.untilFinished('judged', 120)).status?.phase).toBe('Completed');
  }, 600_000);

  it('are both restarted without a failed request', async () => {
    const before = (await operatorPods(client)).map(({ metadata }) => metadata.name);
    await using stream = new ObjectStream(namespace, 'restart');
    await inSystem('rollout', 'restart', DEPLOYMENT, WEBHOOK_DEPLOYMENT);
    await Promise.all([untilRolledOut(), untilRolledOut(WEBHOOK_DEPLOYMENT)]);
    await untilPodsGone(before);
    await stream.more(20);
    expect(await stream.end()).toEqual([]);
  }, 600_000);

  it('leave nothing in their namespace when they are removed', async () => {
    await kubectl('delete', 'sequentialjobs', '-n', namespace.name, '--all', '--timeout=60s');
    await make('undeploy', SPLIT);
    await make('uninstall');
    await eventually(
      'nothing of the operator',
      async () =>
        !(
          await kubectl('get', 'deployments,networkpolicies,serviceaccounts', '--all-namespaces', '-o', 'name')
        ).includes('sequentialjob'),
    );
  }, 600_000);
});
