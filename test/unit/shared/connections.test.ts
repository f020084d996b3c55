/** Which connection goes when one more comes than there may be: real sockets, several addresses of this machine, a clock of ours. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Connection, Connections, type LostConnectionReason } from '../../../shared/connections.ts';
import { eventually } from '../../support/eventually.ts';

const MOST = 4;
/** As two Pods and an API server are told apart. */
const [API_SERVER, POD, OTHER_POD] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];

let now: number;
let lost: LostConnectionReason[];
let connections: Connections;
let server: Server;
const accepted: Socket[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  now = 0;
  lost = [];
  connections = new Connections({
    maxConnections: MOST,
    limitsNewClients: true,
    onLost: (how) => lost.push(how),
    now: () => now,
  });
  server = createServer((socket) => void accepted.push(socket.on('error', () => undefined)));
  connections.limit(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  for (const socket of [...clients.splice(0), ...accepted.splice(0)]) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

interface Line {
  readonly client: Socket;
  /** As the server counts it; undefined where it was not taken. */
  readonly connection: Connection | undefined;
}

/** Connects, and waits until the server has taken it or has not. */
async function open(localAddress: string): Promise<Line> {
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', localAddress });
  client.on('error', () => undefined).resume();
  clients.push(client);
  await once(client, 'connect');
  const isOurs = (socket: Socket): boolean =>
    socket.remotePort === client.localPort && socket.remoteAddress === localAddress;
  await eventually('it is taken or closed', () => (client.closed || accepted.some(isOurs) ? true : undefined));
  const socket = accepted.find(isOurs);
  return { client, connection: socket === undefined ? undefined : connections.find(socket) };
}

const isClosed = async ({ client }: Line): Promise<void> =>
  void (await eventually('it is closed', () => (client.closed ? true : undefined)));

/** Has brought a review, and idles. */
function useful(line: Line): Line {
  line.connection?.requestStarted();
  line.connection?.requestFinished();
  line.connection?.recordRequest(true);
  return line;
}

async function openAll(...addresses: readonly string[]): Promise<Line[]> {
  const lines: Line[] = [];
  for (const address of addresses) {
    lines.push(await open(address));
    now += 10;
  }
  return lines;
}

describe('as many connections as allowed', () => {
  it('are kept, and a closed connection makes room for another', async () => {
    const lines = await openAll(POD, POD, POD, POD);
    lines[2]?.client.destroy();
    await eventually('it counts no more', () => (connections.size === MOST - 1 ? true : undefined));
    await open(API_SERVER);
    expect(connections.size).toBe(MOST);
    expect(lost).toEqual([]);
  });
});

describe('one connection more than allowed', () => {
  it.each<readonly [string, () => Promise<Line[]>, number]>([
    ['closes the connection that has been idle longest', async () => openAll(POD, POD, POD, POD), 0],
    [
      'does not close a connection for its age if it has had a request since',
      async () => {
        const lines = await openAll(POD, POD, POD, POD);
        lines[0]?.connection?.requestStarted();
        lines[0]?.connection?.requestFinished();
        return lines;
      },
      1,
    ],
    [
      'closes the connection that has sent no review, even if others have been idle longer',
      async () => {
        const lines = await openAll(API_SERVER, API_SERVER, API_SERVER, POD);
        for (const line of lines.slice(0, 3)) useful(line);
        return lines;
      },
      3,
    ],
    [
      'closes the connection whose last request was not a review',
      async () => {
        const lines = await openAll(API_SERVER, POD, API_SERVER, API_SERVER);
        for (const line of lines) useful(line);
        lines[1]?.connection?.recordRequest(false);
        return lines;
      },
      1,
    ],
    [
      'closes the untrusted connection whose request does not end',
      async () => {
        const lines = await openAll(API_SERVER, API_SERVER, POD, API_SERVER);
        for (const line of lines) line.connection?.recordRequest(line !== lines[2]);
        lines[2]?.connection?.requestStarted();
        now += 2_000;
        return lines;
      },
      2,
    ],
    [
      'closes a connection of the address with the most connections, if none is trusted',
      async () => openAll(API_SERVER, POD, POD, OTHER_POD),
      1,
    ],
    [
      'closes an idle connection rather than a new one',
      async () => {
        const lines = await openAll(OTHER_POD);
        now += 2_000;
        return [...lines, ...(await openAll(POD, POD, POD))];
      },
      0,
    ],
    [
      'closes a connection of the address with the most trusted connections, if all are trusted',
      async () => (await openAll(API_SERVER, POD, POD, POD)).map(useful),
      1,
    ],
    [
      'closes a connection with a client certificate last, for any requests',
      async () => {
        const lines = await openAll(API_SERVER, API_SERVER, API_SERVER, POD);
        lines[0]?.connection?.authenticate();
        lines[0]?.connection?.recordRequest(false);
        for (const line of lines.slice(1)) useful(line);
        lines[3]?.connection?.recordRequest(false);
        return lines;
      },
      3,
    ],
  ])('%s', async (_says, made, victim) => {
    const lines = await made();
    const { connection } = await open(API_SERVER);
    expect(connection).toBeDefined();
    await isClosed(lines[victim] as Line);
    expect(lines.filter(({ client }) => client.closed)).toEqual([lines[victim]]);
    expect(lost).toEqual(['evicted']);
    expect(connections.size).toBe(MOST);
  });

  it('is not accepted if all others have a request in flight', async () => {
    const lines = (await openAll(API_SERVER, API_SERVER, POD, POD)).map(useful);
    for (const { connection } of lines) connection?.requestStarted();
    await isClosed(await open(API_SERVER));
    expect(lost).toEqual(['refused']);
    expect(lines.some(({ client }) => client.closed)).toBe(false);
  });

  it('of an address closes no trusted connection of another address while its own address has as many', async () => {
    const lines = (await openAll(API_SERVER, API_SERVER, POD, POD)).map(useful);
    for (const { connection } of lines.slice(2)) connection?.requestStarted();
    await isClosed(await open(POD));
    expect(lost).toEqual(['refused']);
    expect(lines.some(({ client }) => client.closed)).toBe(false);
  });

  it('after another, all of one address, does not close the connections of other addresses', async () => {
    const kept = useful(await open(API_SERVER));
    for (let count = 0; count < 30; count += 1) await openAll(POD);
    expect(kept.client.closed).toBe(false);
    expect(lost).toEqual(Array.from({ length: 30 - (MOST - 1) }, () => 'evicted'));
  });
});

describe('a series of new connections', () => {
  const AT_ONCE = 200;

  it('are limited to a burst and then a rate for an address that is not trusted', async () => {
    for (let count = 0; count < AT_ONCE; count += 1) await open(POD);
    expect(lost).toEqual(Array.from({ length: AT_ONCE - MOST }, () => 'evicted'));
    lost.splice(0);
    for (let count = 0; count < 3; count += 1) await isClosed(await open(POD));
    now += 40;
    for (let count = 0; count < 3; count += 1) await open(POD);
    expect(lost).toEqual(['refused', 'refused', 'refused', 'evicted', 'evicted', 'refused']);
    expect((await open(API_SERVER)).connection).toBeDefined();
  });

  it('are not limited for an address that was trusted within two minutes', async () => {
    const { client } = useful(await open(API_SERVER));
    client.destroy();
    now += 119_000;
    for (let count = 0; count < AT_ONCE + 10; count += 1) expect((await open(API_SERVER)).connection).toBeDefined();
    now += 1_001;
    for (let count = 0; count < AT_ONCE; count += 1) expect((await open(API_SERVER)).connection).toBeDefined();
    await isClosed(await open(API_SERVER));
  });
});

it('do not change the shares when they are opened and closed', async () => {
  for (let round = 0; round < 3; round += 1) {
    const lines = (await openAll(POD, POD, POD, POD)).map(useful);
    for (const { client } of lines) client.destroy();
    await eventually('all have gone', () => (connections.size === 0 ? true : undefined));
    expect(connections.addressCount).toBe(0);
    // What is still said of one that has gone changes nothing.
    for (const { connection } of lines) connection?.recordRequest(round === 1);
  }
  // Were the Pod still counted with twelve, its one would go in the place of the older two.
  const lines = await openAll(API_SERVER, API_SERVER, POD, OTHER_POD);
  await open(OTHER_POD);
  await isClosed(lines[0] as Line);
  expect(lines.filter(({ client }) => client.closed)).toHaveLength(1);
});

it('do not change the shares while one of them stays open', async () => {
  const [kept, ...others] = await openAll(POD, POD, POD, POD);
  for (const { client } of others) client.destroy();
  await eventually('they have gone', () => (connections.size === 1 ? true : undefined));
  const later = await openAll(API_SERVER, API_SERVER, OTHER_POD);
  await open(OTHER_POD);
  await isClosed(later[0] as Line);
  expect([kept?.client.closed, connections.addressCount]).toEqual([false, 3]);
});
