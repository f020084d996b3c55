/** A TCP connection through which everything comes, later: bytes are passed on in their order, whatever they mean. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface SlowLink {
  readonly port: number;
  /** How long what comes next is under way, in one direction; milliseconds, asked for each piece. */
  delayMs: () => number;
  /** While true, what is sent is dropped: connections end, and new ones get no answer. */
  isBlackhole: boolean;
  close(): Promise<void>;
}

/** To a port of this machine; at first as fast as it goes. */
export async function startSlowLink(port: number): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  let isBlackhole = false;
  const server = createServer((near) => {
    if (isBlackhole) {
      sockets.add(near);
      near.on('error', () => undefined);
      near.on('close', () => sockets.delete(near));
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      pass(from, to, () => link.delayMs());
      from.on('close', () => sockets.delete(from));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const link: SlowLink = {
    port: (server.address() as AddressInfo).port,
    delayMs: () => 0,
    get isBlackhole() {
      return isBlackhole;
    },
    set isBlackhole(is) {
      isBlackhole = is;
      if (is) for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return link;
}

function pass(from: Socket, to: Socket, delayMs: () => number): void {
  let due = 0;
  from.on('data', (chunk) => {
    // Nothing overtakes what is under way.
    due = Math.max(due, performance.now() + delayMs());
    setTimeout(() => void (to.writable && to.write(chunk)), Math.max(1, due - performance.now()));
  });
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}
