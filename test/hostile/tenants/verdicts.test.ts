/**
 * Thirty reviews of the worst at once, again and again, for longer than the leader's Lease lasts: the process that judges them keeps its
 * Lease, and the sequences of another namespace go on as if nothing were.
 */
import { request, Agent } from 'node:https';
import { text } from 'node:stream/consumers';
import { expect, it, jest } from '@jest/globals';
import { VALIDATE_PATH } from '../../../webhook/app.ts';
import { createAuthority, writePair } from '../../support/certificates.ts';
import { container } from '../../support/objects.ts';
import { admissionReview, written } from '../../support/reviews.ts';
import { type MeteredOperator } from '../../support/metered-operator.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { tenants } from '../../support/tenants.ts';
import { report } from '../../support/flaky-watch.ts';

jest.setTimeout(300_000);

const AT_ONCE = 30;
/** The Lease lasts 15 s. */
const AT_LEAST_MS = 25_000;

const here = tenants();
const folder = temporaryFolder();
const authority = await createAuthority();
await writePair(folder, await authority.issue());
const { ca } = authority;

/** About a megabyte each, which is what thirty find room for. In v1alpha1, which is validated with the paths of both versions. */
const WORST: readonly string[] = [
  { env: Array.from({ length: 90_000 }, () => ({})) },
  { args: Array.from({ length: 190_000 }, () => '') },
  { volumeMounts: Array.from({ length: 40_000 }, (_, i) => ({ name: `v${i}` })) },
].map((more) => JSON.stringify(admissionReview({ object: written({ containers: [{ ...container('a'), ...more }] }) })));

/** Sends them until told to stop; how many were answered, and how many of these with a verdict. */
async function attack(operator: MeteredOperator, signal: AbortSignal): Promise<readonly [number, number]> {
  const agent = new Agent({ keepAlive: true, ca });
  let answers = 0;
  let verdicts = 0;
  const attacker = async (i: number): Promise<void> => {
    while (!signal.aborted) {
      const headers = { 'content-type': 'application/json' };
      const where = { host: '127.0.0.1', port: operator.webhookPort, path: VALIDATE_PATH };
      const asking = request({ ...where, method: 'POST', headers, agent, servername: 'localhost' });
      const answer = new Promise<string>((resolve, reject) => {
        asking.once('response', (response) => resolve(text(response)));
        asking.once('error', reject);
      });
      asking.end(WORST[i % WORST.length]);
      answers++;
      if ((await answer).includes('"allowed"')) verdicts++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, async (_, i) => attacker(i)));
  agent.destroy();
  return [answers, verdicts];
}

it('the leader keeps its Lease, and starts the next steps in time', async () => {
  const operator = await here.startAll(folder);
  await here.expectUnharmed('before', operator);
  const stop = new AbortController();
  const began = performance.now();
  const attacking = attack(operator, stop.signal);
  do await here.expectUnharmed('meanwhile', operator);
  while (performance.now() - began < AT_LEAST_MS);
  stop.abort();
  const [answers, verdicts] = await attacking;
  const still = Math.round(operator.longestEventLoopLag(began));
  report(`${answers} of the worst reviews, ${verdicts} verdicts; the event loop stood still for ${still} ms at most`);
  expect(verdicts).toBeGreaterThan(AT_ONCE);
  expect(operator.output).not.toContain('lost leadership');
  const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
  const { items } = await here.client.request<{ items: readonly { spec: object }[] }>({ method: 'GET', path });
  expect(items.map(({ spec }) => spec)).toEqual([expect.objectContaining({ leaseTransitions: 0 })]);
});
