/** The program's start: wrong input gives one clear line, and a server that is down is waited for. */
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { kubeconfig } from '../support/cluster.ts';
import { Operator } from '../support/operator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface KubeConfigFile {
  readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
}

const file = parse(await readFile(kubeconfig(), 'utf8')) as KubeConfigFile;
const realServer = file.clusters[0]?.cluster.server ?? '';
const folder = temporaryFolder();

afterAll(async () => Operator.endAll());

/** Starts a controller with a copy of the kubeconfig that has another server. */
async function start(server: string, ...flags: readonly string[]): Promise<Operator> {
  const path = join(folder, 'kubeconfig');
  const clusters = file.clusters.map((entry) => ({ ...entry, cluster: { ...entry.cluster, server } }));
  await writeFile(path, stringify({ ...file, clusters }));
  return Operator.spawn(['run', '--role=controller', `--kubeconfig=${path}`, ...flags]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Forwards every connection to the real API server. */
function forward(port: number): Server {
  const target = new URL(realServer);
  const server = createServer((socket) => {
    const other = connectSocket(Number(target.port), target.hostname);
    socket.pipe(other).pipe(socket);
    for (const end of [socket, other]) end.on('error', () => end.destroy());
  });
  return server.listen(port, '127.0.0.1');
}

const BRIEF = ['--startup-timeout=2', '--log-level=silent'];

describe('a start that cannot succeed', () => {
  it.each<readonly [string, readonly string[], number, RegExp]>([
    ['no command', [], 2, /^sequentialjob: no command given; the command "help" lists them\n$/],
    ['an unknown command', ['walk'], 2, /^sequentialjob: unknown command 'walk' \(Did you mean wait\?\)\n$/],
    ['several bad flags', ['run', '--workers=0', '--wat'], 2, /unknown flag --wat\n.*--workers must be a whole number/],
    [
      'a kubeconfig that does not exist',
      ['run', '--role=controller', '--kubeconfig=/no/such/file'],
      1,
      /\/no\/such\/file/,
    ],
    [
      'a context that does not exist',
      ['run', '--role=controller', '--context=nowhere'],
      1,
      /there is no context "nowhere"/,
    ],
  ])('ends with one line that names the error: %s', async (_what, args, code, words) => {
    const operator = Operator.spawn(args, { KUBECONFIG: kubeconfig() });
    expect(await operator.exited()).toEqual({ code, signal: null });
    expect(operator.output).toMatch(words);
    expect(operator.output).not.toMatch(/\n\s+at /);
  });

  it.each([
    // Where no names can be looked up at all, the lookup may yet succeed: that is waited for.
    ['a host that does not exist', async () => 'https://no-such-host.invalid:6443', BRIEF, 'no-such-host.invalid:6443'],
    [
      'a server that stays unreachable',
      async () => `https://127.0.0.1:${await freePort()}`,
      BRIEF,
      'for 2 s: .*ECONNREFUSED',
    ],
    // A server below a path answers 404 to everything, as one without the definition does to this resource.
    ['no CRD', async () => `${realServer}/apis/apps`, ['--log-level=silent'], 'does not know.*make install'],
  ])('ends with one line that names the error: %s', async (_what, server, flags, words) => {
    const operator = await start(await server(), ...flags);
    expect((await operator.exited()).code).toBe(1);
    expect(operator.output).toMatch(new RegExp(`^sequentialjob: .*${words}.*\\n$`));
  });
});

describe('an API server that is down at the start', () => {
  it('is waited for, and the log reports that', async () => {
    const port = await freePort();
    const operator = await start(`https://127.0.0.1:${port}`);
    await operator.untilSays('waiting for the API server');
    const server = forward(port);
    await operator.untilSays('controller started');
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
    server.close();
  });
});
