/** A controller that is told its own namespace runs nothing in it, where no webhook has refused what is there. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { BYPASSED } from '../support/admission.ts';
import { connect, kubeconfig } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { Operator } from '../support/operator.ts';
import { sequence } from '../support/sequences.ts';

let client: ApiClient;
let namespace: Namespace;
let operator: Operator;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'own', BYPASSED);
  const { name } = namespace;
  operator = Operator.spawn(
    ['run', '--role=controller', `--kubeconfig=${kubeconfig()}`, `--namespace=${name}`],
    // As its Deployment has it from the downward API.
    { SEQUENTIALJOB_OPERATOR_NAMESPACE: name },
  );
  await operator.untilSays('controller started');
}, 60_000);

afterAll(async () => {
  await namespace.remove();
  await operator.end('SIGTERM');
  await client.close();
});

it('a SequentialJob fails before anything has run, and its condition says why', async () => {
  await namespace.apply('etl', sequence(2));
  const { status } = await namespace.untilFinished('etl');
  expect(getCondition(status?.conditions, 'Failed')).toMatchObject({
    status: 'True',
    reason: 'ForbiddenNamespace',
    message: expect.stringContaining(`"${namespace.name}" is the operator's own namespace`),
  });
  expect(status?.startTime).toBeUndefined();
  expect(await namespace.jobNames()).toEqual([]);
});
