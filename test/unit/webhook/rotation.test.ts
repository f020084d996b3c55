/** The certificate changes under load, in every way in which it is changed in a cluster: no request fails. */
import { once } from 'node:events';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { watchCertificate } from '../../../certs/watch.ts';
import { Connections } from '../../../shared/connections.ts';
import { createApp, VALIDATE_PATH } from '../../../webhook/app.ts';
import { MAX_CONNECTIONS, WebhookServer } from '../../../webhook/server.ts';
import { type Authority, createAuthority, writePair } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { container } from '../../support/objects.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { admissionReview, written } from '../../support/reviews.ts';

const REQUESTS = 1000;
const CHANGES = 10;
const CLIENTS = 8;

const BODY = JSON.stringify(admissionReview({ object: written({ containers: [container('a')] }) }));

interface Client {
  /** Sends one review; rejects where that does not go well. Gives the serial number of the certificate that it saw. */
  review(): Promise<string>;
  close(): void;
}

function client(port: number, { ca }: Authority, keepAlive: boolean): Client {
  // Without cached sessions a fresh connection is a full handshake with the certificate of the day.
  const agent = new Agent({ keepAlive, ca, maxSockets: 1, maxCachedSessions: 0 });
  return {
    async review() {
      const headers = { 'content-type': 'application/json' };
      const asking = request({ host: '127.0.0.1', port, path: VALIDATE_PATH, method: 'POST', agent, headers });
      const answered = once(asking, 'response');
      asking.end(BODY);
      const [response] = await answered;
      const serial: string = response.socket.getPeerCertificate().serialNumber;
      const { response: answer } = JSON.parse(await text(response));
      if (response.statusCode !== 200 || answer.allowed !== true) throw new Error(`answered ${response.statusCode}`);
      return serial;
    },
    close: () => agent.destroy(),
  };
}

/** The ways: both files written over in place, the key first; the certificate first; a mounted Secret's symbolic link. */
async function change(folder: string, authority: Authority, n: number): Promise<void> {
  const pair = await authority.issue();
  if (n % 3 === 0) {
    await writeFile(join(folder, 'tls.key'), pair.key);
    await writeFile(join(folder, 'tls.crt'), pair.cert);
  } else if (n % 3 === 1) {
    await writePair(folder, { cert: pair.cert });
    await writePair(folder, { key: pair.key });
  } else {
    await writePair(join(folder, `..${n}`), pair);
    await link(`..${n}`, join(folder, '..data'));
    for (const name of ['tls.crt', 'tls.key']) await link(join('..data', name), join(folder, name));
  }
}

/** Makes a symbolic link in the place of what is there, at once. */
async function link(target: string, path: string): Promise<void> {
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
}

it(`answers ${REQUESTS} requests while the certificate changes ${CHANGES} times`, async () => {
  const authority = await createAuthority();
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-rotation-'));
  await writePair(folder, await authority.issue());
  const { log, lines } = recordingLog();
  const connections = new Connections({ maxConnections: MAX_CONNECTIONS, limitsNewClients: true });
  const server = new WebhookServer(createApp({ log, connections }), {}, { connections });
  const stopping = new AbortController();
  const pairs = watchCertificate({ folder, log, signal: stopping.signal, pollMs: 5 });
  const first = await pairs.next();
  if (first.done === true) throw new Error('there is no certificate');
  const { port } = await server.listen(first.value, '127.0.0.1', 0);
  const following = (async () => {
    for await (const pair of pairs) server.useCertificate(pair);
  })();

  const reloads = (): number => lines.filter(({ msg }) => msg === 'certificate reloaded').length;
  const serials = { kept: new Set<string>(), fresh: new Set<string>() };
  let answered = 0;
  const failures: unknown[] = [];
  const work = async (keepAlive: boolean): Promise<void> => {
    const own = client(port, authority, keepAlive);
    // On to the last change, however fast the requests are.
    while (answered < REQUESTS || reloads() < CHANGES) {
      await own.review().then(
        (serial) => serials[keepAlive ? 'kept' : 'fresh'].add(serial),
        (error: unknown) => failures.push(error),
      );
      answered++;
    }
    own.close();
  };
  const load = Promise.all(Array.from({ length: CLIENTS }, (_, i) => work(i % 2 === 0)));
  for (let n = 1; n <= CHANGES; n++) {
    await change(folder, authority, n);
    await eventually(`change ${n} is served`, () => (reloads() >= n ? true : undefined), 20);
  }
  await load;

  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThanOrEqual(REQUESTS);
  // A new connection sees the certificate of the day, an open one stays with its own.
  expect(serials.fresh.size).toBeGreaterThan(CHANGES / 2);
  expect(serials.kept.size).toBe(1);
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);

  stopping.abort();
  await following;
  await server.close(1000);
  await rm(folder, { recursive: true });
});
