/** Containers that something in the cluster adds to the Pods of steps, and that do not end with them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import { withController } from '../support/with-controller.ts';
import { type PodInjector, PROXY, startPodInjector } from '../support/pod-injector.ts';
import { FOREVER, sequence, step } from '../support/sequences.ts';

const LABELS = { mesh: `on-${process.pid}` };
const here = withController('injected', LABELS);
const RUNS_ON = `the Pod runs on because of "${PROXY}", which this sequence does not have`;

let injector: PodInjector;

beforeAll(async () => {
  injector = await startPodInjector(here.namespace.name, LABELS, step(PROXY, FOREVER));
}, 60_000);

afterAll(async () => {
  await injector.remove();
});

describe('a step whose Pod is kept by a container that was added to it', () => {
  const until = async (name: string, exitCode: number): Promise<void> => {
    const object = await here.namespace.until(name, ({ status }) => {
      const found = getCondition(status?.conditions, 'ResourcesUnavailable');
      return found?.status === 'True' && found.reason === 'ContainerStillRunning';
    });
    const { message = '' } = getCondition(object.status?.conditions, 'Progressing') ?? {};
    expect(message).toMatch(/^Step 0 \(s0\) is not ending: Pod "/);
    expect(message).toContain(`the container "s0" has ended (exit code ${exitCode}); ${RUNS_ON}`);
  };

  it.each([
    ['succeeds', 'echo "42 rows" > /dev/termination-log', 0, '42 rows'],
    ['fails', 'echo "no rows" > /dev/termination-log; exit 7', 7, 'no rows'],
  ])(
    '%s: that is said at once, and its exit code and words stay when the time is up',
    async (name, script, code, says) => {
      await here.namespace.apply(name, sequence(1, { 0: script }, { backoffLimit: 0, activeDeadlineSeconds: 12 }));
      await until(name, code);
      const { status } = await here.namespace.untilFinished(name);
      expect(status).toMatchObject({
        phase: 'Failed',
        progress: { failureReason: 'DeadlineExceeded' },
        steps: [{ state: 'Failed', exitCode: code, reason: 'DeadlineExceeded', message: says }],
      });
    },
  );
});
