/** Watches that say too much, too late, or in the wrong order. */
import { describe, expect } from '@jest/globals';
import { LABELS } from '../../../shared/api/group.ts';
import { sleep } from '../../../shared/sleep.ts';
import { eventually } from '../../support/eventually.ts';
import { sequence } from '../../support/sequences.ts';
import type { WatchEvent, ProxyRequest, WatchStream } from '../../support/api-server-proxy.ts';
import { expectSound, fault, inOrder, report, seconds, withFlakyWatch } from '../../support/flaky-watch.ts';

const STEPS = 4;
/** How long bookmarks pass and nothing else does. */
const HELD_MS = 30_000;
const BOOKMARK_MS = 1_000;
const REQUESTS: ReadonlySet<string> = new Set(['create', 'patch', 'delete', 'get', 'list']);

const here = withFlakyWatch('events');

interface Meta {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
}
const metaOf = ({ object }: WatchEvent): Meta['metadata'] => (object as Meta).metadata;
const isBookmark = ({ type }: WatchEvent): boolean => type === 'BOOKMARK';

/** What the streams have carried so far, bookmarks left out. */
const past = new Map<WatchStream, WatchEvent[]>();

/** Sends each event, and then what `again` makes of everything that the stream has carried. */
function sayAgain(again: (carried: readonly WatchEvent[]) => readonly WatchEvent[]): void {
  past.clear();
  here.proxy.event = (stream, event) => {
    stream.send(event);
    if (isBookmark(event)) return;
    const carried = [...(past.get(stream) ?? []), event];
    past.set(stream, carried);
    for (const each of again(carried)) stream.send(each);
  };
}

async function expectRun(name: string): Promise<void> {
  await here.namespace.apply(name, sequence(STEPS));
  await expectSound(here, name, STEPS);
  report(`slowest hand-off ${seconds(Math.max(...here.history.handoffs(name)))}`);
  expect(here.operator.output).not.toContain('internal error');
}

/** Records what the controller asks for from now on, but for events and watches. */
function recordRequests(): readonly ProxyRequest[] {
  const asked: ProxyRequest[] = [];
  here.proxy.treat = (one) => {
    if (REQUESTS.has(one.verb) && one.resource !== '/events') asked.push(one);
    return undefined;
  };
  return asked;
}

describe('a sequence completes as usual when', () => {
  fault('every event is delivered twice', async () => {
    sayAgain((carried) => carried.slice(-1));
    await expectRun('twice');
  });

  fault('older states are delivered after newer ones', async () => {
    sayAgain((carried) => carried.slice(-6, -1).toReversed());
    await expectRun('stale');
  });

  fault('what was modified is delivered again as added', async () => {
    sayAgain((carried) => carried.slice(-4).map(({ object }) => ({ type: 'ADDED', object })));
    await expectRun('added');
  });

  fault('unknown objects are delivered as modified and as deleted', async () => {
    here.proxy.event = (stream, event) => {
      // As after an ADDED that was lost.
      stream.send(event.type === 'ADDED' ? { ...event, type: 'MODIFIED' } : event);
      const { resourceVersion } = metaOf(event);
      const metadata = { ...metaOf(event), name: 'nobody', uid: `uid-${resourceVersion}` };
      if (!isBookmark(event)) stream.send({ type: 'DELETED', object: { ...(event.object as object), metadata } });
    };
    await expectRun('unknown');
  });

  fault('events of one burst come in the wrong order', async () => {
    const bursts = new Map<WatchStream, WatchEvent[]>();
    here.proxy.event = (stream, event) => {
      const burst = bursts.get(stream);
      if (burst !== undefined) {
        burst.push(event);
        return;
      }
      const begun = [event];
      bursts.set(stream, begun);
      setTimeout(() => {
        bursts.delete(stream);
        for (const each of begun.toReversed()) stream.send(each);
      }, 400);
    };
    await expectRun('disorder');
  });
});

describe('deleted objects', () => {
  fault('stays deleted, whatever events about it are delivered again', async () => {
    sayAgain(() => []);
    await here.namespace.apply('ghost', sequence(2));
    await expectSound(here, 'ghost', 2);
    await eventually('its deletion in the watch', () =>
      [...past.values()].flat().some((event) => event.type === 'DELETED' && metaOf(event).name === 'ghost'),
    );
    const asked = recordRequests();
    const streams = [...past].filter(([stream]) => here.proxy.streams.includes(stream));
    for (const [stream, events] of streams) for (const event of events) stream.send(event);
    for (const [stream, events] of streams) for (const { object } of events) stream.send({ type: 'ADDED', object });
    for (const [stream, events] of streams) {
      for (const event of events.filter(({ type }) => type === 'DELETED')) stream.send(event);
    }
    // One that comes after all this is served: the controller has seen it.
    await here.namespace.apply('witness', sequence(1));
    await expectSound(here, 'witness', 1);
    expect(asked.map(({ name }) => name).filter((name) => name?.startsWith('ghost'))).toEqual([]);
    expect(here.history.events('ghost')).toEqual(inOrder(2));
    expect(here.operator.output).not.toContain('reconcile failed');
  });

  fault('does not affect a new object of its name', async () => {
    sayAgain(() => []);
    await here.namespace.apply('again', sequence(1));
    await here.namespace.untilFinished('again');
    await here.namespace.delete('again');
    await here.namespace.untilGone('again');
    const { metadata } = await here.namespace.apply('again', here.gatedSteps(2));
    await here.namespace.untilRunning('again', 0);
    const asked = recordRequests();
    for (const [stream, events] of past) {
      for (const event of events.filter(({ type }) => type === 'DELETED')) stream.send(event);
    }
    await here.open(0, 1);
    const { status } = await here.namespace.untilFinished('again');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '2/2' } });
    // In one second, nothing of the younger had to be looked up.
    expect(asked.filter(({ verb, resource }) => verb === 'get' && resource === 'batch/jobs')).toEqual([]);
    const jobs = await here.namespace.jobs('again');
    expect(jobs.map((job) => job.metadata.labels?.[LABELS.uid])).toEqual([metadata.uid, metadata.uid]);
    expect(here.history.events('again')).toEqual([...inOrder(1), ...inOrder(2)]);
  });
});

describe('bookmarks', () => {
  fault(
    'that pass while events are held back change nothing, and the events count when they come',
    async () => {
      const steps = 3;
      await here.namespace.apply('held', here.gatedSteps(steps));
      await here.namespace.untilRunning('held', 0);
      const held: (readonly [WatchStream, WatchEvent])[] = [];
      here.proxy.event = (stream, event) => void (isBookmark(event) || held.push([stream, event]));
      const beat = setInterval(() => {
        for (const stream of here.proxy.streams) {
          const newest = held.findLast(([on]) => on === stream)?.[1];
          if (newest === undefined) continue;
          const { resourceVersion } = metaOf(newest);
          stream.send({ type: 'BOOKMARK', object: { kind: 'Job', metadata: { resourceVersion } } });
        }
      }, BOOKMARK_MS);
      try {
        await here.open(0, 1, 2);
        await sleep(HELD_MS);
      } finally {
        clearInterval(beat);
      }
      expect(here.history.events('held')).toEqual(inOrder(1));
      expect((await here.namespace.get('held')).status).toMatchObject({ phase: 'Running', state: { failed: 0 } });
      here.proxy.clear();
      const since = performance.now();
      for (const [stream, event] of held) stream.send(event);
      await eventually('the next step', () => here.history.events('held')[2]);
      report(`went on after ${seconds(performance.now() - since)}`);
      await expectSound(here, 'held', steps);
      expect(here.operator.output).not.toContain('watch failed');
    },
    { slow: true },
  );
});
