/** Watches that break, end or fall silent: nothing is lost by it and nothing is done twice. */
import { describe, expect } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { sequence } from '../../support/sequences.ts';
import { EXPIRED, type WatchEvent, refuse, statusOf, type WatchStream } from '../../support/api-server-proxy.ts';
import { expectSound, fault, report, seconds, withFlakyWatch } from '../../support/flaky-watch.ts';

const STEPS = 4;
/** The whole of a run whose every watch breaks again and again; in calm air it takes 3 s. */
const BOUND_MS = 60_000;

const here = withFlakyWatch('streams');

/** Every `nth` event of each kind of resource meets the fault, and the others pass. */
function every(nth: number, meet: (stream: WatchStream, event: WatchEvent) => void): void {
  const counts = new Map<string, number>();
  here.proxy.event = (stream, event) => {
    const count = (counts.get(stream.resource) ?? 0) + 1;
    counts.set(stream.resource, count);
    if (count % nth === 0) meet(stream, event);
    else stream.send(event);
  };
}

async function expectRun(name: string): Promise<void> {
  const opened = performance.now();
  await here.namespace.apply(name, sequence(STEPS));
  await expectSound(here, name, STEPS);
  const handoffs = here.history.handoffs(name);
  report(`slowest hand-off ${seconds(Math.max(...handoffs))}`);
  expect(performance.now() - opened).toBeLessThan(BOUND_MS);
}

const halfOf = (event: WatchEvent): string => {
  const text = JSON.stringify(event);
  return text.slice(0, text.length / 2);
};

const NONSENSE = [
  'null',
  '{"type":"MODIFIED"}',
  '{"type":"MODIFIED","object":{}}',
  '{"type":"RENAMED","object":{"metadata":{}}}',
  '<html><body>504 Gateway Time-out</body></html>',
];

/** Which event of each kind of resource meets which fault. */
const FAULTS: readonly (readonly [
  says: string,
  nth: number,
  meet: (stream: WatchStream, event: WatchEvent) => void,
])[] = [
  [
    'are reset in the middle of a event',
    3,
    (stream, event) => {
      stream.sendText(halfOf(event));
      stream.cut();
    },
  ],
  [
    'end in the middle of a event as if all were well',
    3,
    (stream, event) => {
      stream.sendText(halfOf(event));
      stream.end();
    },
  ],
  [
    'end after each event',
    1,
    (stream, event) => {
      stream.send(event);
      stream.end();
    },
  ],
  [
    'deliver an error 410',
    3,
    (stream) => {
      stream.send({ type: 'ERROR', object: EXPIRED });
      stream.end();
    },
  ],
  [
    'deliver an error 500, and stay open',
    3,
    (stream) => stream.send({ type: 'ERROR', object: statusOf(500, 'InternalError', 'etcd is unwell') }),
  ],
  ...NONSENSE.map((text) => [`deliver ${text}`, 3, (stream: WatchStream) => stream.sendText(`${text}\n`)] as const),
];

describe('watches that', () => {
  for (const [says, nth, meet] of FAULTS) {
    fault(`${says} lose nothing`, async () => {
      every(nth, meet);
      await expectRun('interrupted');
    });
  }

  fault('are answered with 410 when they are opened are listed anew', async () => {
    let refused = 0;
    here.proxy.treat = ({ verb }) => (verb === 'watch' && ++refused % 2 === 1 ? refuse(410, 'Expired') : undefined);
    for (const stream of here.proxy.streams) stream.cut();
    await expectRun('refused');
    expect(refused).toBeGreaterThanOrEqual(4);
  });

  fault(
    'fall silent without an end are found out',
    async () => {
      await here.namespace.apply('silent', here.gatedSteps(2));
      await here.namespace.untilRunning('silent', 0);
      const silent = new Set(here.proxy.streams);
      here.proxy.event = (stream, event) => void (silent.has(stream) || stream.send(event));
      const since = performance.now();
      await here.open(0, 1);
      await eventually('the next step', () => here.history.events('silent')[2], 300);
      report(`found out after ${seconds(performance.now() - since)}`);
      // Nothing for 150 s (reflector.ts), when the last bookmark had just come; the rest is a list and a busy machine's.
      expect(performance.now() - since).toBeLessThan(200_000);
      await expectSound(here, 'silent', 2);
    },
    { slow: true, seconds: 330 },
  );
});
