/** The thread is the program itself: this is how `run` starts it. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pino from 'pino';
import supertest from 'supertest';
import { createApp } from '../../../webhook/app.ts';
import { judge } from '../../../webhook/judge.ts';
import { JudgeThread, LARGE_BYTES } from '../../../webhook/judge-thread.ts';
import { REVIEWERS, VALIDATE_PATH } from '../../../webhook/paths.ts';
import { Room } from '../../../webhook/room.ts';
import { MAX_VALUES } from '../../../webhook/values.ts';
import { container } from '../../support/objects.ts';
import { admissionReview, written } from '../../support/reviews.ts';

jest.setTimeout(60_000);

const program = new URL('../../../main.ts', import.meta.url);
const log = pino({ level: 'silent' });

/** A review of a sequence with variables of so many bytes; `=` is no part of a name. */
const review = (bytes: number, name = 'A'): Buffer => {
  const env = Array.from({ length: Math.ceil(bytes / 100) }, (_, i) => ({
    name: `${name}${i}`,
    value: 'x'.repeat(80),
  }));
  return Buffer.from(JSON.stringify(admissionReview({ object: written({ containers: [container('a', { env })] }) })));
};

describe('a large review', () => {
  let thread: JudgeThread;
  beforeEach(() => {
    thread = new JudgeThread({ program });
  });
  afterEach(async () => thread.close());

  it.each<readonly [string, Buffer]>([
    ['is allowed', review(300_000)],
    ['is denied', review(300_000, '=')],
    ['is no review', Buffer.from('[]')],
    ['is no JSON', Buffer.from('{')],
  ])('%s in the thread as it would be here', async (_, bytes) => {
    const reviewer = REVIEWERS[VALIDATE_PATH];
    expect(reviewer).toBeDefined();
    expect(await thread.judge(VALIDATE_PATH, bytes)).toEqual(reviewer && judge(bytes, reviewer));
  });

  it('leaves the thread that asks free', async () => {
    await thread.judge(VALIDATE_PATH, review(1000));
    let turns = 0;
    const ticking = setInterval(() => turns++, 5);
    const { idle } = performance.eventLoopUtilization();
    await Promise.all(Array.from({ length: 20 }, async () => thread.judge(VALIDATE_PATH, review(2_000_000, '='))));
    clearInterval(ticking);
    expect(performance.eventLoopUtilization().idle).toBeGreaterThan(idle);
    expect(turns).toBeGreaterThan(1);
  });

  it('that takes all memory ends the thread; the next one has another', async () => {
    await thread.close();
    thread = new JudgeThread({ program, heapMb: 40 });
    const endless = Buffer.from(`[${'{},'.repeat(MAX_VALUES - 10)}{}]`);
    expect(await thread.judge(VALIDATE_PATH, endless)).toMatchObject({ type: 'refused', status: 413 });
    expect(await thread.judge(VALIDATE_PATH, review(1000))).toMatchObject({ type: 'answered', verdict: 'allowed' });
  });

  it('is judged by another thread when the first has been idle for so long', async () => {
    await thread.close();
    thread = new JudgeThread({ program, idleMs: 1 });
    expect(await thread.judge(VALIDATE_PATH, review(1000))).toMatchObject({ type: 'answered' });
    await new Promise((resolve) => void setTimeout(resolve, 50));
    expect(await thread.judge(VALIDATE_PATH, review(1000))).toMatchObject({ type: 'answered' });
  });

  it('is rejected when all is to end', async () => {
    const judging = [thread.judge(VALIDATE_PATH, review(1000)), thread.judge(VALIDATE_PATH, review(1000))];
    const ends = Promise.allSettled(judging);
    await thread.close();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('over HTTP', () => {
  const asked: number[] = [];
  const thread = {
    judge: async (_: string, bytes: Buffer) => {
      asked.push(bytes.length);
      return {
        type: 'answered',
        answer: '{}',
        verdict: 'allowed',
        makesSense: true,
        said: { level: 'info', msg: 'x', kind: '', fields: {} },
      } as const;
    },
  };
  const post = async (bytes: Buffer): Promise<supertest.Response> =>
    supertest(createApp({ log, thread }))
      .post(VALIDATE_PATH)
      .set('content-type', 'application/json')
      .send(bytes.toString());
  beforeEach(() => void asked.splice(0));

  it('large reviews are judged in the thread, and others here', async () => {
    const [small, large] = [review(1000), review(LARGE_BYTES)];
    expect((await post(small)).text).toContain('"allowed":true');
    expect((await post(large)).text).toBe('{}');
    expect(asked).toEqual([large.length]);
  });

  it('what waits for the thread takes room until it is judged', async () => {
    const large = review(LARGE_BYTES);
    const [came, blocked] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
    const stuck = {
      judge: async () => {
        came.resolve();
        return blocked.promise;
      },
    };
    const app = createApp({ log, thread: stuck, room: new Room({ bytes: 1.5 * large.length }) });
    const send = async (bytes: Buffer): Promise<number> =>
      (await supertest(app).post(VALIDATE_PATH).set('content-type', 'application/json').send(bytes.toString())).status;
    const first = send(large);
    await came.promise;
    expect(await send(large)).toBe(429);
    expect(await send(review(1000))).toBe(200);
    blocked.reject(new Error('it has ended'));
    expect([await first, await send(review(200_000))]).toEqual([500, 200]);
  });
});
