/** A webhook as a process of its own, and what can be seen of it from outside: its answers, descriptors and memory. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import type { Agent } from 'node:https';
import { request, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { VALIDATE_PATH } from '../../webhook/app.ts';
import { createAuthority, writePair } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { deployments, present, readManifests } from '../support/manifests.ts';
import { container } from '../support/objects.ts';
import { Operator } from '../support/operator.ts';
import { admissionReview, written } from '../support/reviews.ts';

/** What the Deployment gives its containers: environment, but for what is of the image, and memory in MiB. */
export function deployed(): { readonly env: NodeJS.ProcessEnv; readonly limitMib: number } {
  const [deployment] = deployments(readManifests('config/manager/deployment.yaml'));
  const { env, resources } = present(present(deployment, 'Deployment').spec.template.spec.containers[0], 'container');
  const own = env.filter(({ name }) => name !== 'NODE_COMPILE_CACHE').map(({ name, value }) => [name, value]);
  return { env: Object.fromEntries(own), limitMib: Number(/^(\d+)Mi$/.exec(resources.limits['memory'] ?? '')?.[1]) };
}

/** A review that is allowed. */
export const BODY = JSON.stringify(admissionReview({ object: written({ steps: [container('a')] }) }));

/** Answers have to come within a second. On a machine that others use it is tried again. */
const SOON_MS = 1_000;
const TRIES = 3;

interface Reply {
  readonly status: number | undefined;
  readonly body: string;
}

export class ServedWebhook {
  readonly operator: Operator;
  readonly port: number;
  readonly ca: string;
  /** Of the probes. */
  readonly healthPort: number;
  readonly #folder: string;

  private constructor(operator: Operator, ca: string, folder: string) {
    this.operator = operator;
    this.ca = ca;
    this.#folder = folder;
    this.port = operator.port('webhook');
    this.healthPort = operator.port('health');
  }

  /** Starts `run --role=webhook`, with more flags, which needs no cluster; resolves when it serves. */
  static async start(flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<ServedWebhook> {
    const authority = await createAuthority();
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-hostile-'));
    await writePair(folder, await authority.issue());
    const ports = ['--webhook-host=127.0.0.1', '--webhook-port=0', '--health-port=0'];
    const args = ['run', '--role=webhook', ...ports, `--cert-dir=${folder}`, ...flags];
    const operator = Operator.spawn(args, { KUBECONFIG: '/nowhere', HOME: '/nowhere', ...env });
    await operator.untilSays('webhook started', 60);
    return new ServedWebhook(operator, authority.ca, folder);
  }

  async stop(): Promise<void> {
    if (this.operator.isRunning) await this.operator.end('SIGKILL');
    await rm(this.#folder, { recursive: true });
  }

  options(more: RequestOptions = {}): RequestOptions {
    return { host: '127.0.0.1', port: this.port, ca: this.ca, agent: false, ...more };
  }

  async get(path: string): Promise<Reply> {
    return this.#send({ path }, '');
  }

  async post(body: string | Buffer, agent: Agent | false = false, path = VALIDATE_PATH): Promise<Reply> {
    return this.#send({ method: 'POST', path, agent, headers: { 'content-type': 'application/json' } }, body);
  }

  async #send(more: RequestOptions, body: string | Buffer): Promise<Reply> {
    const asking = request(this.options(more));
    const answered = once(asking, 'response', { signal: AbortSignal.timeout(30_000) });
    asking.end(body);
    const [response] = await answered;
    return { status: response.statusCode, body: await text(response) };
  }

  /** Says what is not as it should be: a probe or a review that is not answered rightly within a second. */
  async problems(): Promise<readonly string[]> {
    const asked: readonly (readonly [string, () => Promise<Reply>, string])[] = [
      ['/healthz', async () => this.get('/healthz'), 'ok'],
      ['/readyz', async () => this.get('/readyz'), 'ok'],
      ['a review', async () => this.post(BODY), '"allowed":true'],
    ];
    const complaints: string[] = [];
    for (const [what, ask, wanted] of asked) {
      const complaint = await complaintAbout(ask, wanted);
      if (complaint !== undefined) complaints.push(`${what}: ${complaint}`);
    }
    return complaints;
  }

  /** Open descriptors, sockets among them. */
  async descriptors(): Promise<number> {
    return (await this.#openFiles()).length;
  }

  /** Waits until it has no more descriptors than that. */
  async untilDescriptors(most: number, seconds = 60): Promise<void> {
    let open: readonly string[] = [];
    const isQuiet = async (): Promise<boolean> => {
      open = await this.#openFiles();
      return open.length <= most;
    };
    await eventually(`at most ${most} descriptors`, isQuiet, seconds).catch((error: unknown) => {
      throw new Error(`${open.length} open files: ${open.join(', ')}`, { cause: error });
    });
  }

  /** What each descriptor is open for: a path, `socket:[…]`, `anon_inode:[eventpoll]`. */
  async #openFiles(): Promise<readonly string[]> {
    const folder = `/proc/${this.operator.pid}/fd`;
    const names = await readdir(folder);
    return Promise.all(names.map(async (name) => readlink(`${folder}/${name}`).catch(() => 'closed meanwhile')));
  }

  /** Resident memory in MiB. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.operator.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }

  /** Lines of the log that tell of a fault of the operator. */
  get faults(): readonly string[] {
    return this.operator.output.split('\n').filter((line) => line.includes('"level":"error"'));
  }
}

async function complaintAbout(ask: () => Promise<Reply>, wanted: string): Promise<string | undefined> {
  let fastest = Infinity;
  for (let tries = 0; tries < TRIES && fastest > SOON_MS; tries += 1) {
    const started = performance.now();
    const { status, body } = await ask();
    fastest = Math.min(fastest, performance.now() - started);
    if (status !== 200 || !body.includes(wanted)) return `answered ${status} ${body.slice(0, 200)}`;
  }
  return fastest > SOON_MS ? `took ${fastest} ms` : undefined;
}
