/** The heap of another Node process, through its inspector. */
import type { Measured } from '../processes.ts';

/** The flag that a process needs for it. */
export const INSPECTED = '--inspect=127.0.0.1:0';

export class Heap {
  readonly #socket: WebSocket;
  #serial = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** `process` was started with `INSPECTED` and has said nothing more than once. */
  static async of(process: Measured): Promise<Heap> {
    const url = await process.untilSays(/Debugger listening on (ws:\S+)/);
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)));
    });
    return new Heap(socket);
  }

  /** Bytes in use after a full collection. */
  async used(): Promise<number> {
    // Twice: what the first one finalises, the second one collects.
    await this.#ask('HeapProfiler.collectGarbage');
    await this.#ask('HeapProfiler.collectGarbage');
    const { usedSize } = (await this.#ask('Runtime.getHeapUsage')) as { readonly usedSize: number };
    return usedSize;
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(method: string): Promise<unknown> {
    this.#serial++;
    const id = this.#serial;
    return new Promise((resolve) => {
      const take = ({ data }: MessageEvent): void => {
        const answer = JSON.parse(String(data)) as { readonly id?: number; readonly result?: unknown };
        if (answer.id !== id) return;
        this.#socket.removeEventListener('message', take);
        resolve(answer.result);
      };
      this.#socket.addEventListener('message', take);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}
