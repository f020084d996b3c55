/** Lists that come slowly, or that expire while they are read. */
import { describe, expect } from '@jest/globals';
import { sleep } from '../../../shared/sleep.ts';
import { Operator } from '../../support/operator.ts';
import { EXPIRED } from '../../support/watch-proxy.ts';
import { expectSound, fault, say, seconds, weather } from '../../support/weather.ts';

/** More pages than one for each of them. */
const SEQUENCES = 5;
const PAGE = 2;
const PAGE_MS = 400;

const here = weather('lists');
const names = Array.from({ length: SEQUENCES }, (_, i) => `listed-${i}`);

/** Some sequences that run, and no controller. */
async function abandoned(): Promise<void> {
  await Promise.all(names.map((name) => here.namespace.apply(name, here.gatedSteps(2))));
  await Promise.all(names.map((name) => here.namespace.untilRunning(name, 0)));
  await here.operator.end('SIGKILL');
  await here.open(0, 1);
}

/** Another controller, which finds all of them through the lists. */
async function expectFound(): Promise<void> {
  const since = performance.now();
  here.operator = await Operator.start(here.proxy.kubeconfig, here.namespace.name);
  say(`started within ${seconds(performance.now() - since)}`);
  expect(here.operator.output).toContain(`"sequentialJobs":${SEQUENCES},`);
  await Promise.all(names.map((name) => expectSound(here, name, 2)));
}

describe('a controller that comes up', () => {
  fault('waits for pages that come slowly, and knows all of them', async () => {
    await abandoned();
    let pages = 0;
    here.proxy.before = async ({ verb, query }) => {
      if (verb !== 'list') return undefined;
      if (query.get('limit') !== '1') query.set('limit', String(PAGE));
      pages++;
      await sleep(PAGE_MS);
      return undefined;
    };
    await expectFound();
    expect(pages).toBeGreaterThanOrEqual(2 * Math.ceil(SEQUENCES / PAGE));
  });

  fault('gets its lists in one piece where the rest of a list is always expired', async () => {
    await abandoned();
    let expired = 0;
    here.proxy.before = ({ verb, query }) => {
      if (verb !== 'list') return undefined;
      if (query.has('continue')) {
        expired++;
        return { status: 410, body: EXPIRED };
      }
      if (query.has('limit') && query.get('limit') !== '1') query.set('limit', String(PAGE));
      return undefined;
    };
    await expectFound();
    expect(expired).toBeGreaterThanOrEqual(2);
  });

  fault('asks again where lists fail, and is patient', async () => {
    await abandoned();
    let failed = 0;
    const body = { kind: 'Status', status: 'Failure', code: 503, reason: 'ServiceUnavailable', message: 'not yet' };
    here.proxy.before = ({ verb, query }) =>
      verb === 'list' && query.get('limit') !== '1' && failed++ < 12 ? { status: 503, body } : undefined;
    await expectFound();
  });
});
