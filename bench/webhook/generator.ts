/**
 * The load, in a process of its own: connections that each ask again as soon as they are answered. Raw TLS and a request
 * that was written beforehand, for with two processors it must cost less than the server that it measures. Told what to do
 * over the IPC channel, one round after another; its connections to a server stay open between rounds.
 */
import { connect, type TLSSocket } from 'node:tls';
import type { Round, RoundResult } from './load.ts';
import { requestBytes } from './reviews.ts';

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const ALLOWED = Buffer.from('"allowed":true');
const LENGTH = /^content-length: (\d+)/im;

/** One connection: asks, reads the whole answer, tells how long it took, asks again. */
class Asker {
  readonly #socket: TLSSocket;
  #request: Buffer = Buffer.alloc(0);
  #asked = 0;
  #answer: Buffer | undefined;
  #done: (ms: number, isGood: boolean) => boolean = () => false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  static async connect(port: number): Promise<Asker> {
    return new Promise((resolve, reject) => {
      // The certificate is the benchmark's own, and who it is of does not matter.
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
      socket.once('secureConnect', () => resolve(new Asker(socket)));
      socket.once('error', reject);
    });
  }

  /** Asks until `done`, which gets each answer's time, says that it is enough. */
  async ask(request: Buffer, done: (ms: number, isGood: boolean) => boolean): Promise<void> {
    this.#request = request;
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new Error('a server closed its connection'));
      this.#socket.once('close', lost);
      this.#done = (ms, isGood) => {
        if (done(ms, isGood)) return true;
        this.#socket.off('close', lost);
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
    this.#asked = performance.now();
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
    if (this.#done(performance.now() - this.#asked, isGood)) this.#send();
  }
}

const open = new Map<string, Promise<readonly Asker[]>>();

async function askersFor({ port, connections }: Round): Promise<readonly Asker[]> {
  const key = `${port}/${connections}`;
  const known = open.get(key) ?? Promise.all(Array.from({ length: connections }, () => Asker.connect(port)));
  open.set(key, known);
  return known;
}

/**
 * Keeps the event loop turning. A process that sleeps has to be woken, and that would be charged to the server that answers
 * it: more often to the slower of two.
 */
function stayAwake(): { readonly end: () => void } {
  let isOver = false;
  const turn = (): void => {
    if (!isOver) setImmediate(turn);
  };
  turn();
  return { end: () => (isOver = true) };
}

async function run(round: Round): Promise<RoundResult> {
  const askers = await askersFor(round);
  const request = requestBytes(round.question, round.steps);
  const times: number[] = [];
  let bad = 0;
  const begun = performance.now();
  const end = begun + round.ms;
  const awake = stayAwake();
  await Promise.all(
    askers.map((asker) =>
      asker.ask(request, (ms, isGood) => {
        times.push(ms);
        if (!isGood) bad += 1;
        return performance.now() < end;
      }),
    ),
  );
  awake.end();
  return { ms: performance.now() - begun, times, bad };
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
