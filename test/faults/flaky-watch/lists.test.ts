/** Lists that come slowly, or that expire while they are read. */
import { describe, expect } from '@jest/globals';
import { sleep } from '../../../shared/sleep.ts';
import { Operator } from '../../support/operator.ts';
import { refuse } from '../../support/api-server-proxy.ts';
import { expectSound, fault, report, seconds, withFlakyWatch } from '../../support/flaky-watch.ts';

/** More pages than one for each of them. */
const SEQUENCES = 5;
const PAGE = 2;
const PAGE_MS = 400;

const here = withFlakyWatch('lists');
const names = Array.from({ length: SEQUENCES }, (_, i) => `listed-${i}`);

/** What is in the token of a page (apiserver pkg/storage/continue.go). */
interface Token {
  readonly rv: number;
}

const read = (token: string): Token => JSON.parse(Buffer.from(token, 'base64url').toString()) as Token;

/** As the API server makes one of a token whose version has been compacted: of no version. */
const forTheRest = (token: string): string =>
  Buffer.from(JSON.stringify({ ...read(token), rv: -1 })).toString('base64url');

const isForTheRest = (token: string): boolean => read(token).rv === -1;

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
  report(`started within ${seconds(performance.now() - since)}`);
  expect(here.operator.output).toContain(`"sequentialJobs":${SEQUENCES},`);
  await Promise.all(names.map((name) => expectSound(here, name, 2)));
}

describe('a controller that starts', () => {
  fault('waits for pages that come slowly, and knows all of them', async () => {
    await abandoned();
    let pages = 0;
    here.proxy.treat = async ({ verb, query }) => {
      if (verb !== 'list') return undefined;
      if (query.get('limit') !== '1') query.set('limit', String(PAGE));
      pages++;
      await sleep(PAGE_MS);
      return undefined;
    };
    await expectFound();
    expect(pages).toBeGreaterThanOrEqual(2 * Math.ceil(SEQUENCES / PAGE));
  });

  fault('reads on with what is there by now where the rest of a list is always expired', async () => {
    await abandoned();
    let expired = 0;
    let unlimited = 0;
    here.proxy.treat = ({ verb, query }) => {
      if (verb !== 'list') return undefined;
      const token = query.get('continue');
      if (token !== null && !isForTheRest(token)) {
        expired++;
        return refuse(410, 'Expired', 'too old', { metadata: { continue: forTheRest(token) } });
      }
      if (!query.has('limit')) unlimited++;
      else if (query.get('limit') !== '1') query.set('limit', String(PAGE));
      return undefined;
    };
    await expectFound();
    expect(expired).toBeGreaterThanOrEqual(2);
    expect(unlimited).toBe(0);
  });

  fault('asks again where lists fail, and is patient', async () => {
    await abandoned();
    let failed = 0;
    here.proxy.treat = ({ verb, query }) =>
      verb === 'list' && query.get('limit') !== '1' && failed++ < 12 ? refuse(503, 'ServiceUnavailable') : undefined;
    await expectFound();
  });
});
