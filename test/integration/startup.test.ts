/** The program's start: bad input is one clear line, a server that is down is waited for. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { kubeconfig } from '../support/cluster.ts';
import { Operator } from '../support/operator.ts';

let folder: string;
let text: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-startup-'));
  text = await readFile(kubeconfig(), 'utf8');
});

afterAll(async () => {
  await Operator.endAll();
  await rm(folder, { recursive: true });
});

interface KubeConfigFile {
  readonly clusters: readonly { readonly cluster: { readonly server: string } }[];
}

function realServer(): string {
  return (parse(text) as KubeConfigFile).clusters[0]?.cluster.server ?? '';
}

/** A copy of the kubeconfig with another server. */
async function kubeconfigFor(server: string): Promise<string> {
  const path = join(folder, `kubeconfig-${randomUUID()}`);
  const file = parse(text) as KubeConfigFile;
  const clusters = file.clusters.map((entry) => ({ ...entry, cluster: { ...entry.cluster, server } }));
  await writeFile(path, stringify({ ...file, clusters }));
  return path;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Hands every connection on to the real API server. */
function forward(port: number): Server {
  const target = new URL(realServer());
  const server = createServer((socket) => {
    const other = connectSocket(Number(target.port), target.hostname);
    socket.pipe(other).pipe(socket);
    for (const end of [socket, other]) end.on('error', () => end.destroy());
  });
  return server.listen(port, '127.0.0.1');
}

describe('a start that cannot succeed', () => {
  it.each<readonly [string, readonly string[], number, RegExp]>([
    ['no command', [], 2, /^sequentialjob: no command given\n/],
    ['an unknown command', ['walk'], 2, /^sequentialjob: unknown command "walk"\n/],
    ['several bad flags', ['run', '--workers=0', '--wat'], 2, /unknown flag --wat\n.*--workers must be a whole number/],
    [
      'a kubeconfig that is not there',
      ['run', '--role=controller', '--kubeconfig=/no/such/file'],
      1,
      /cannot read the kubeconfig \/no\/such\/file/,
    ],
    [
      'a context that is not there',
      ['run', '--role=controller', '--context=nowhere'],
      1,
      /there is no context "nowhere"/,
    ],
  ])('says in a line what is wrong: %s', async (_what, args, code, words) => {
    const operator = Operator.spawn(args, { KUBECONFIG: kubeconfig() });
    expect(await operator.exited()).toEqual({ code, signal: null });
    expect(operator.output).toMatch(words);
    expect(operator.output).not.toMatch(/\n\s+at /);
  });

  it('names the host that does not exist', async () => {
    const path = await kubeconfigFor('https://no-such-host.invalid:6443');
    const operator = Operator.spawn([
      'run',
      '--role=controller',
      `--kubeconfig=${path}`,
      '--startup-timeout=2',
      '--log-level=silent',
    ]);
    expect((await operator.exited()).code).toBe(1);
    // Where names can't be looked up at all, the lookup may yet succeed: that is waited for.
    expect(operator.output).toMatch(/^sequentialjob: .*https:\/\/no-such-host\.invalid:6443.*\n$/);
  });

  it('gives up on a server that stays down', async () => {
    const path = await kubeconfigFor(`https://127.0.0.1:${await freePort()}`);
    const operator = Operator.spawn([
      'run',
      '--role=controller',
      `--kubeconfig=${path}`,
      '--startup-timeout=2',
      '--log-level=silent',
    ]);
    expect((await operator.exited()).code).toBe(1);
    expect(operator.output).toMatch(/^sequentialjob: no answer from the API server at .* for 2 s: .*ECONNREFUSED.*\n$/);
  });

  it('asks for the CRD where that is missing', async () => {
    // A server below a path answers 404 to everything, as one without the CRD does to this resource.
    const path = await kubeconfigFor(`${realServer()}/apis/apps`);
    const operator = Operator.spawn(['run', '--role=controller', `--kubeconfig=${path}`, '--log-level=silent']);
    expect((await operator.exited()).code).toBe(1);
    expect(operator.output).toMatch(/does not know sequentialjobs.*make install.*\n$/);
  });
});

describe('an API server that is down at the start', () => {
  it('is waited for, and that is said', async () => {
    const port = await freePort();
    const path = await kubeconfigFor(`https://127.0.0.1:${port}`);
    const operator = Operator.spawn(['run', '--role=controller', `--kubeconfig=${path}`]);
    await operator.untilSays('waiting for the API server');
    const server = forward(port);
    await operator.untilSays('controller started');
    expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
    server.close();
  });
});
