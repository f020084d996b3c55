/** Containers that something in the cluster adds to the Pods of steps, and that do not end with them. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { condition, tryKubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FOREVER, sequence, step } from '../support/sequences.ts';
import { type TestWebhook, startTestWebhook } from '../support/test-webhook.ts';
import { withController } from '../support/with-controller.ts';

const LABELS = { mesh: `on-${process.pid}` };
const PROXY = 'mesh-proxy';
const { namespace } = withController('injected', { labels: LABELS });

let injector: TestWebhook;

/** As a service mesh does. */
beforeAll(async () => {
  const addition = [{ op: 'add', path: '/spec/containers/-', value: step(PROXY, FOREVER) }];
  const patch = Buffer.from(JSON.stringify(addition)).toString('base64');
  injector = await startTestWebhook({
    kind: 'MutatingWebhookConfiguration',
    name: `${namespace.name}.proxies.mesh.example.com`,
    labels: LABELS,
    rule: { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] },
    review: () => ({ allowed: true, patchType: 'JSONPatch', patch }),
  });
  const probe = ['run', 'probe', '--image=probe', '--dry-run=server', '-o', 'yaml', '-n', namespace.name];
  await eventually('an injected container', async () => (await tryKubectl(probe)).stdout.includes(PROXY));
});

afterAll(async () => injector.remove());

it.each([
  ['succeeds', 'echo "42 rows" > /dev/termination-log', 0, '42 rows'],
  ['fails', 'echo "no rows" > /dev/termination-log; exit 7', 7, 'no rows'],
])(
  'a step %s but its Pod keeps running: the status reports that at once, and keeps the exit code when the deadline passes',
  async (name, script, exitCode, message) => {
    await namespace.apply(name, sequence(1, { 0: script }));
    const object = await namespace.untilCondition(name, 'ResourcesUnavailable', 'ContainerStillRunning');
    const said = condition(object, 'Progressing')?.message;
    expect(said).toContain(`the container "s0" has ended (exit code ${exitCode})`);
    expect(said).toContain(`"${PROXY}"`);
    // Nothing is lost if the Pod is deleted before anybody reads it again.
    expect(object.status?.steps).toMatchObject([{ state: 'Running', exitCode, message }]);
    await namespace.patch(name, { spec: { activeDeadlineSeconds: 1 } });
    const { status } = await namespace.untilFinished(name);
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failureReason: 'DeadlineExceeded' },
      steps: [{ state: 'Failed', exitCode, reason: 'DeadlineExceeded', message }],
    });
  },
);
