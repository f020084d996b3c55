/** Talking to a TLS server byte by byte: what no HTTP client would say. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { eventually } from '../support/eventually.ts';

export interface Target {
  readonly port: number;
  readonly ca: string;
}

/** A connection that notes what comes in, and never throws. */
export class RawConnection<T extends Socket = Socket> {
  readonly socket: T;
  received = '';

  constructor(socket: T) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (this.received += chunk.toString('latin1')));
  }

  send(text: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(text);
  }

  /** The status of each answer that has come, 100 among them. */
  get statuses(): readonly number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  }

  /** Waits for so many answers, or for the end of the connection. */
  async answers(count: number, seconds = 20): Promise<readonly number[]> {
    await eventually(
      `${count} answers, got ${this.received.slice(0, 200)}`,
      () => this.statuses.length >= count || this.socket.closed,
      seconds,
    );
    return this.statuses;
  }

  /** Waits for the other side to end it. */
  async closed(seconds: number): Promise<void> {
    await eventually('the connection is closed', () => this.socket.closed, seconds);
  }

  cut(): void {
    this.socket.destroy();
  }
}

/** From another address of this machine, or with a certificate. */
export interface ClientOptions extends Pick<ConnectionOptions, 'cert' | 'key'> {
  readonly localAddress?: string;
}

/** With the handshake done. */
export async function openTls({ port, ca }: Target, speaker: ClientOptions = {}): Promise<RawConnection<TLSSocket>> {
  const socket = connectTls({ host: '127.0.0.1', port, ca, ...speaker });
  await once(socket, 'secureConnect');
  return new RawConnection(socket);
}

/** Below TLS. */
export async function openTcp({ port }: Target): Promise<RawConnection> {
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'connect');
  return new RawConnection(socket);
}

/** So many at once, made in groups: a backlog has an end. */
export async function openMany<T>(count: number, make: () => Promise<T>): Promise<readonly T[]> {
  const made: T[] = [];
  while (made.length < count) {
    made.push(...(await Promise.all(Array.from({ length: Math.min(50, count - made.length) }, make))));
  }
  return made;
}
