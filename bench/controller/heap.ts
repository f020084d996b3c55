/** Reads the heap size of another Node process through its inspector. */
import type { MeasuredProcess } from '../processes.ts';

/** The flag with which the process must be started. */
export const INSPECT_FLAG = '--inspect=127.0.0.1:0';

export class Heap {
  readonly #socket: WebSocket;
  #serial = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** `process` must have been started with `INSPECT_FLAG`. */
  static async of(process: MeasuredProcess): Promise<Heap> {
    const url = await process.untilOutput(/Debugger listening on (ws:\S+)/);
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)));
    });
    return new Heap(socket);
  }

  /** Bytes in use after a full garbage collection. */
  async used(): Promise<number> {
    // Twice: the second collection frees objects that the first one has finalized.
    await this.#call('HeapProfiler.collectGarbage');
    await this.#call('HeapProfiler.collectGarbage');
    const { usedSize } = (await this.#call('Runtime.getHeapUsage')) as { readonly usedSize: number };
    return usedSize;
  }

  close(): void {
    this.#socket.close();
  }

  async #call(method: string): Promise<unknown> {
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
