/** The thread is the program itself: this is how `run` starts it. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pino from 'pino';
import supertest from 'supertest';
import { createApp } from '../../../webhook/app.ts';
import { evaluateReview, type EvaluatedReview } from '../../../webhook/evaluate.ts';
import { EvaluationThread, LARGE_BYTES, type LargeReview } from '../../../webhook/evaluation-thread.ts';
import { REVIEWERS, VALIDATE_PATH } from '../../../webhook/paths.ts';
import { ByteBudget, type Sender } from '../../../webhook/byte-budget.ts';
import { container } from '../../support/objects.ts';
import { admissionReview, written } from '../../support/reviews.ts';

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

/** Texts, as many as are parsed: more than 40 MB of memory. */
const MANY = 1_400_000;

const STRANGER: Sender = { address: 'pod', isTrusted: false };

describe('a large review', () => {
  let thread: EvaluationThread;
  const ask = async (bytes: Buffer, more: Partial<LargeReview> = {}): Promise<EvaluatedReview | undefined> => {
    const { signal } = new AbortController();
    const turns = { sender: STRANGER, onTurn: () => undefined, signal };
    return thread.evaluate({ path: VALIDATE_PATH, bytes, ...turns, ...more });
  };
  beforeEach(() => {
    thread = new EvaluationThread({ program });
  });
  afterEach(async () => thread.close());

  it.each<readonly [string, Buffer]>([
    ['that is allowed', review(300_000)],
    ['that is denied', review(300_000, '=')],
    ['that is not an AdmissionReview', Buffer.from('[]')],
    ['that is not JSON', Buffer.from('{')],
  ])('%s has the same response as in the main process', async (_, bytes) => {
    const reviewer = REVIEWERS[VALIDATE_PATH];
    expect(reviewer).toBeDefined();
    expect(await ask(bytes)).toEqual(reviewer && evaluateReview(bytes, reviewer));
  });

  it('that exhausts the memory ends the thread; the next review gets a new thread', async () => {
    await thread.close();
    thread = new EvaluationThread({ program, heapMb: 40 });
    const endless = Buffer.from(JSON.stringify(Array.from({ length: MANY }, (_, i) => `a text of its own ${i}`)));
    expect(await ask(endless)).toMatchObject({
      type: 'refused',
      status: 413,
      message: 'the review takes too much memory',
    });
    expect(await ask(review(1000))).toMatchObject({ type: 'answered', verdict: 'allowed' });
  });

  it('is evaluated by a new thread if the previous one was idle for the limit', async () => {
    await thread.close();
    thread = new EvaluationThread({ program, idleMs: 1 });
    expect(await ask(review(1000))).toMatchObject({ type: 'answered' });
    await new Promise((resolve) => void setTimeout(resolve, 50));
    expect(await ask(review(1000))).toMatchObject({ type: 'answered' });
  });

  it('waits less if its address has fewer reviews', async () => {
    const order: string[] = [];
    const asked = (name: string, address: string, bytes: number): Promise<unknown> =>
      ask(review(bytes), { sender: { address, isTrusted: false }, onTurn: () => order.push(name) });
    await Promise.all([
      ...['pod 1', 'pod 2', 'pod 3'].map((name) => asked(name, 'pod', 50_000)),
      ...['api 1', 'api 2', 'api 3'].map((name) => asked(name, 'api', 10_000)),
    ]);
    expect(order).toEqual(['pod 1', 'api 1', 'api 2', 'api 3', 'pod 2', 'pod 3']);
  });

  it('is not evaluated if its client has disconnected', async () => {
    const order: string[] = [];
    const gone = new AbortController();
    const all = [
      ask(review(1000), { onTurn: () => order.push('a') }),
      ask(review(1000), { onTurn: () => order.push('b'), signal: gone.signal }),
      ask(review(1000), { onTurn: () => order.push('c'), signal: AbortSignal.abort() }),
      ask(review(1000), { onTurn: () => order.push('d') }),
    ];
    gone.abort();
    const answers = await Promise.all(all);
    expect(answers.map((answer) => answer?.type)).toEqual(['answered', undefined, undefined, 'answered']);
    expect(order).toEqual(['a', 'd']);
  });

  it('has its own heap limit, even if the process has a larger heap', async () => {
    const script = `
      import { EvaluationThread } from ${JSON.stringify(new URL('../../../webhook/evaluation-thread.ts', import.meta.url))};
      // The thread by itself keeps no process alive.
      const alive = setInterval(() => undefined, 1000);
      const thread = new EvaluationThread({ program: new URL(${JSON.stringify(program)}), heapMb: 40 });
      const bytes = Buffer.from(JSON.stringify(Array.from({ length: ${MANY} }, (_, i) => 'a text of its own ' + i)));
      const { signal } = new AbortController();
      const sender = { address: 'pod', isTrusted: false };
      const judged = await thread.evaluate({ path: '/x', bytes, sender, onTurn: () => undefined, signal });
      console.log(judged.message);
      clearInterval(alive);
      await thread.close();
    `;
    const folder = await mkdtemp(join(tmpdir(), 'judge-thread-'));
    const file = join(folder, 'asks.mjs');
    await writeFile(file, script);
    const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=320 --max-semi-space-size=8' };
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env });
    await rm(folder, { recursive: true });
    expect(stdout).toBe('the review takes too much memory\n');
  });

  it('is rejected on shutdown', async () => {
    const judging = [ask(review(1000)), ask(review(1000))];
    const ends = Promise.allSettled(judging);
    await thread.close();
    expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('over HTTP', () => {
  const asked: number[] = [];
  const thread = {
    evaluate: async ({ bytes }: LargeReview) => {
      asked.push(bytes.length);
      return {
        type: 'answered',
        answer: '{}',
        verdict: 'allowed',
        isWellFormed: true,
        logLine: { level: 'info', msg: 'x', kind: '', fields: {} },
      } as const;
    },
  };
  const post = async (bytes: Buffer): Promise<supertest.Response> =>
    supertest(createApp({ log, thread }))
      .post(VALIDATE_PATH)
      .set('content-type', 'application/json')
      .send(bytes.toString());
  beforeEach(() => void asked.splice(0));

  it('evaluates large reviews in the thread, and others in the main process', async () => {
    const [small, large] = [review(1000), review(LARGE_BYTES)];
    expect((await post(small)).text).toContain('"allowed":true');
    expect((await post(large)).text).toBe('{}');
    expect(asked).toEqual([large.length]);
  });

  it('a review queued for the thread counts against the byte budget until it is evaluated', async () => {
    const large = review(LARGE_BYTES);
    const [came, blocked] = [Promise.withResolvers<void>(), Promise.withResolvers<never>()];
    const stuck = {
      evaluate: async () => {
        came.resolve();
        return blocked.promise;
      },
    };
    const app = createApp({ log, thread: stuck, budget: new ByteBudget({ bytes: 1.5 * large.length }) });
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
