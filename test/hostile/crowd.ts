/** "Pods" that hold whatever a webhook lets them hold: connections that say nothing of use, and bodies that never end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { VALIDATE_PATH } from '../../webhook/app.ts';
import { type RawConnection, openMany, type ClientOptions, openTls, type Target } from './http-client.ts';

const KEEP = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

/** After a connection was lost the next one is made; all together so many a second. */
const AGAIN_MS = 10;
/** How long they wait for a handshake that may never come. */
const PATIENCE_MS = 5_000;

const HELD_BYTES = 6.4 * 1024 * 1024;
const HEAD = `POST ${VALIDATE_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
const HELD = Buffer.concat([
  Buffer.from(`${HEAD}Content-Length: ${HELD_BYTES.toFixed(0)}\r\n\r\n`),
  Buffer.alloc(Math.floor(HELD_BYTES) - 1, ' '),
]);

export interface CrowdOptions {
  readonly connections: number;
  readonly bodies: number;
  /** By turns: their own addresses, so that they are told from others. */
  readonly speakers: readonly ClientOptions[];
}

export class Crowd {
  readonly #target: Target;
  readonly #options: CrowdOptions;
  readonly #stopping = new AbortController();
  readonly #lines = new Set<RawConnection>();
  #work: Promise<unknown> = Promise.resolve();
  /** What is to be said again. */
  readonly #ended: (string | Buffer)[] = [];
  #tried = 0;
  /** Connections that they lost, or were not given. */
  lost = 0;
  /** Bodies that they have begun. */
  begun = 0;

  constructor(target: Target, options: CrowdOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Resolves when they hold as much as they were let at once; they go on to try for the rest. */
  async start(): Promise<void> {
    const { connections, bodies } = this.#options;
    await openMany(connections, async () => this.#hold(KEEP));
    await openMany(bodies, async () => this.#hold(HELD));
    this.#work = this.#goOn();
  }

  /** How many connections they hold. */
  get held(): number {
    return this.#lines.size;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#work;
    for (const line of this.#lines) line.cut();
  }

  /** A connection on which they have said that, if they are given one. */
  async #hold(said: string | Buffer): Promise<void> {
    const { speakers } = this.#options;
    const speaker = speakers[this.#tried % speakers.length];
    this.#tried += 1;
    const speaking = openTls(this.#target, speaker);
    const line = await Promise.race([speaking, sleep(PATIENCE_MS, undefined, { ref: false })]).catch(() => undefined);
    if (line === undefined) {
      void speaking.then((late) => late.cut()).catch(() => undefined);
      this.#lose(said);
      return;
    }
    if (said === HELD) this.begun += 1;
    this.#lines.add(line);
    // A body that has its answer holds nothing any more.
    if (said === HELD) line.socket.once('data', () => line.cut());
    line.socket.once('close', () => {
      this.#lines.delete(line);
      this.#lose(said);
    });
    line.send(said);
  }

  #lose(said: string | Buffer): void {
    this.lost += 1;
    this.#ended.push(said);
  }

  /** Makes a connection anew whenever one ends. */
  async #goOn(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const said = this.#ended.shift();
      if (said !== undefined) await this.#hold(said);
      await sleep(AGAIN_MS);
    }
  }
}
