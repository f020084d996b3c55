/**
 * The load generator, a separate process: each connection sends the next review as soon as the last one is answered. It uses
 * plain TLS sockets and prepared request bytes, because on two CPUs it must use less CPU than the measured server. It gets
 * its rounds over the IPC channel, one at a time. Connections stay open between rounds.
 */
import { connect, type TLSSocket } from 'node:tls';
import type { Round, RoundResult } from './load.ts';
import { requestBytes } from './reviews.ts';

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const ALLOWED = Buffer.from('"allowed":true');
const LENGTH = /^content-length: (\d+)/im;

/** One connection: sends a review, reads the whole answer, reports the latency, and repeats. */
class ReviewClient {
  readonly #socket: TLSSocket;
  #request: Buffer = Buffer.alloc(0);
  #sentAt = 0;
  #answer: Buffer | undefined;
  #done: (ms: number, isGood: boolean) => boolean = () => false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  static async connect(port: number): Promise<ReviewClient> {
    return new Promise((resolve, reject) => {
      // The benchmark issued the certificate itself, so there is no need to verify it.
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
      socket.once('secureConnect', () => resolve(new ReviewClient(socket)));
      socket.once('error', reject);
    });
  }

  /** Sends reviews until `done`, which gets each answer's latency, returns false. */
  async repeat(request: Buffer, done: (ms: number, isGood: boolean) => boolean): Promise<void> {
    this.#request = request;
    return new Promise((resolve, reject) => {
      const onClose = (): void => reject(new Error('a server closed its connection'));
      this.#socket.once('close', onClose);
      this.#done = (ms, isGood) => {
        if (done(ms, isGood)) return true;
        this.#socket.off('close', onClose);
        resolve();
        return false;
      };
      this.#send();
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  #send(): void {
    this.#sentAt = performance.now();
    this.#socket.write(this.#request);
  }

  #take(chunk: Buffer): void {
    const answer = this.#answer === undefined ? chunk : Buffer.concat([this.#answer, chunk]);
    const head = answer.indexOf(END_OF_HEAD);
    const length = head < 0 ? undefined : LENGTH.exec(answer.toString('latin1', 0, head))?.[1];
    if (length === undefined || answer.length < head + END_OF_HEAD.length + Number(length)) {
      this.#answer = answer;
      return;
    }
    this.#answer = undefined;
    const isGood = answer.toString('latin1', 9, 12) === '200' && answer.includes(ALLOWED);
    if (this.#done(performance.now() - this.#sentAt, isGood)) this.#send();
  }
}

const open = new Map<string, Promise<readonly ReviewClient[]>>();

async function clientsFor({ port, connections }: Round): Promise<readonly ReviewClient[]> {
  const key = `${port}/${connections}`;
  const known = open.get(key) ?? Promise.all(Array.from({ length: connections }, () => ReviewClient.connect(port)));
  open.set(key, known);
  return known;
}

/**
 * Keeps the event loop busy. Waking a sleeping process costs CPU time of the server that sends the answer, more often with
 * the slower server, and would distort the comparison.
 */
function keepEventLoopBusy(): { readonly end: () => void } {
  let isOver = false;
  const turn = (): void => {
    if (!isOver) setImmediate(turn);
  };
  turn();
  return { end: () => (isOver = true) };
}

async function run(round: Round): Promise<RoundResult> {
  const clients = await clientsFor(round);
  const request = requestBytes(round.webhook, round.steps);
  const times: number[] = [];
  let notAllowed = 0;
  const started = performance.now();
  const end = started + round.ms;
  const awake = keepEventLoopBusy();
  await Promise.all(
    clients.map((asker) =>
      asker.repeat(request, (ms, isGood) => {
        times.push(ms);
        if (!isGood) notAllowed += 1;
        return performance.now() < end;
      }),
    ),
  );
  awake.end();
  return { ms: performance.now() - started, times, notAllowed };
}

process.on('message', (round: Round) => {
  run(round).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      process.stderr.write(`load generator: ${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
