/**
 * One tenant makes the operator ask and wait: for Secrets without number, for Events that it has written itself, for an API server
 * that is slow in its namespace. The sequences of another namespace go on as if nothing were.
 */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { EVENTS } from '../../../shared/kube/resources.ts';
import { sleep } from '../../../shared/sleep.ts';
import { eventually } from '../../support/eventually.ts';
import { sequence, step } from '../../support/sequences.ts';
import { inParallel } from '../../support/parallel.ts';
import { shared } from '../../support/share.ts';
import { tenants } from '../../support/tenants.ts';
import { type ApiServerProxy, type ProxyRequest, startApiServerProxy } from '../../support/api-server-proxy.ts';

jest.setTimeout(300_000);

const here = tenants();
let proxy: ApiServerProxy;

beforeEach(async () => {
  proxy = await startApiServerProxy(here.kubeconfig);
});
afterEach(async () => proxy.close());

const isHostile = ({ namespace }: ProxyRequest): boolean => namespace === here.hostile.name;

/** Questions about Secrets of the one who attacks, and since when. */
function countLooks(): { readonly count: number; readonly allowed: number } {
  const since = performance.now();
  let count = 0;
  proxy.treat = (asked) => {
    if (isHostile(asked) && asked.resource === '/secrets') count++;
    return undefined;
  };
  return {
    get count() {
      return count;
    },
    /** Half a thousand at once, and fifty a second. */
    get allowed() {
      return 500 + 50 * Math.ceil((performance.now() - since) / 1000);
    },
  };
}

const secrets = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, i) => ({ secretRef: { name: `s${i}` } }));
const inNeedOf = (count: number, name = 's0'): ReturnType<typeof step> => ({ ...step(name), envFrom: secrets(count) });

it('a step that references 30,000 missing Secrets starts without a check, and its Pod shows the error', async () => {
  const looks = countLooks();
  const operator = await here.start(proxy.kubeconfig);
  await here.expectUnharmed('before', operator);
  // On no node: its kubelet, which is the test itself, would ask for each of them.
  const nowhere = { spec: { containers: [], nodeSelector: { nowhere: 'x' } } };
  await here.apply('many', { steps: [inNeedOf(30_000)], template: nowhere });
  await here.expectUnharmed('meanwhile', operator);
  await here.hostile.until('many', ({ status }) => status?.steps?.[0]?.state === 'Running');
  expect(looks.count).toBe(0);
});

it('a hundred steps with 50 dependencies each are checked within the budget of their namespace', async () => {
  const looks = countLooks();
  const operator = await here.start(proxy.kubeconfig);
  await here.expectUnharmed('before', operator);
  await inParallel(shared(100, 40), (i) =>
    here.apply(`many-${i}`, {
      steps: [{ ...step('s0'), envFrom: secrets(50).map((_, k) => ({ secretRef: { name: `s${i}-${k}` } })) }],
    }),
  );
  await here.expectUnharmed('meanwhile', operator);
  expect(looks.count).toBeGreaterThan(100);
  expect(looks.count).toBeLessThanOrEqual(looks.allowed);
});

it('Events of a megabyte about a stuck Job, and about other objects', async () => {
  const operator = await here.start(proxy.kubeconfig);
  await here.expectUnharmed('before', operator);
  const quota = { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } };
  await here.hostile.createObject({ root: '/api/v1', plural: 'resourcequotas' }, quota);
  await here.apply('still', sequence(1));
  const { status } = await here.hostile.until('still', (object) => object.status?.steps?.[0]?.jobUID !== undefined);
  const uid = status?.steps?.[0]?.jobUID;
  let asked = 0;
  proxy.treat = (request) => {
    if (isHostile(request) && request.resource === '/events' && request.verb === 'list') asked++;
    return undefined;
  };
  await inParallel(shared(150, 110), (i) =>
    here.hostile.createObject(EVENTS, {
      metadata: { name: `forged-${i}`, namespace: here.hostile.name },
      involvedObject: { kind: 'Job', namespace: here.hostile.name, name: 'x', uid: i % 3 === 2 ? `other-${i}` : uid },
      reason: 'FailedCreate',
      type: 'Warning',
      message: 'x'.repeat(1_000_000),
    }),
  );
  await eventually('it asks for them', () => asked > 1);
  await here.expectUnharmed('meanwhile', operator);
});

it('an API server that takes five seconds for each request in that namespace', async () => {
  const operator = await here.start(proxy.kubeconfig);
  await here.expectUnharmed('before', operator);
  let waiting = 0;
  let most = 0;
  proxy.treat = async (asked) => {
    if (!isHostile(asked)) return undefined;
    most = Math.max(most, ++waiting);
    await sleep(5_000);
    waiting--;
    return undefined;
  };
  await inParallel(100, (i) => here.apply(`slow-${i}`, sequence(3)));
  await eventually('they take their workers', () => waiting >= 8);
  await here.expectUnharmed('meanwhile', operator);
  // Half of the 16 workers, and some more that write Events.
  expect(most).toBeGreaterThanOrEqual(8);
});
