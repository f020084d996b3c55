/** Running a container's command in its sandbox: what this machine allows, found out once, and the process itself. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { endWithParent, findProgram } from '../processes/child.ts';
import {
  DEVICES,
  fstab,
  outermostMounts,
  READY,
  sandboxScript,
  type Isolation,
  type SandboxBase,
  type SandboxPlan,
} from './sandbox-script.ts';

const NAMESPACES = ['--mount', '--uts', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
/** The script's own tools lie here, whatever PATH the node was started with. */
const TOOLS_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Sandbox {
  readonly base: SandboxBase;
  /** True where containers run as another user than ours (root mapped into a user namespace, or no isolation). */
  readonly unprivileged: boolean;
  /** The command line that runs a script in the container's namespaces. */
  readonly wrap: (script: string) => readonly [string, readonly string[]];
}

interface Candidate {
  readonly isolation: Isolation;
  readonly namespaces: readonly string[];
}

function candidates(): readonly Candidate[] {
  const unshared: readonly Candidate[] =
    process.getuid?.() === 0
      ? [
          { isolation: 'overlay', namespaces: NAMESPACES },
          { isolation: 'bind', namespaces: NAMESPACES },
        ]
      : [{ isolation: 'bind', namespaces: ['--user', '--map-root-user', ...NAMESPACES] }];
  return [...(findProgram('unshare', TOOLS_PATH) === undefined ? [] : unshared), { isolation: 'none', namespaces: [] }];
}

async function prepareBase(folder: string, isolation: Isolation): Promise<SandboxBase> {
  const devTemplate = join(folder, 'dev');
  const base = { isolation, folder: join(folder, 'mount'), devTemplate, fstab: join(folder, `fstab-${isolation}`) };
  await mkdir(base.folder, { recursive: true });
  await mkdir(join(devTemplate, 'shm'), { recursive: true });
  await Promise.all(DEVICES.map((name) => writeFile(join(devTemplate, name), '')));
  const links = { fd: '/proc/self/fd', stdin: '/proc/self/fd/0', stdout: '/proc/self/fd/1', stderr: '/proc/self/fd/2' };
  await Promise.all(Object.entries(links).map(([name, target]) => symlink(target, join(devTemplate, name))));
  await listMounts(base);
  return base;
}

/** Writes down what every container gets mounted: the machine's own mounts come and go, so before each start anew. */
async function listMounts({ isolation, folder, fstab: file }: SandboxBase): Promise<void> {
  const mounts = isolation === 'overlay' ? outermostMounts(await readFile('/proc/self/mountinfo', 'utf8')) : [];
  const next = `${file}.${randomUUID()}`;
  await writeFile(next, fstab(folder, mounts));
  await rename(next, file);
}

/** Finds the best isolation that works on this machine by running `true` in it. Falls back to none; never rejects for that. */
export async function prepareSandbox(folder: string): Promise<Sandbox> {
  for (const { isolation, namespaces } of candidates()) {
    await rm(folder, { recursive: true, force: true });
    const base = await prepareBase(folder, isolation);
    const wrap: Sandbox['wrap'] = (script) =>
      isolation === 'none' ? ['sh', [script]] : ['unshare', [...namespaces, '--', 'sh', script]];
    const sandbox = { base, unprivileged: process.getuid?.() !== 0, wrap };
    if (isolation === 'none') return sandbox;
    const plan = { base, binds: [], hostname: 'probe', workingDir: '/', env: {}, command: ['true'] };
    const run = await runSandboxed(sandbox, plan, join(folder, 'probe.sh'), () => undefined);
    if ((await run.done) === 0) return sandbox;
  }
  throw new Error('unreachable: running without isolation is always possible');
}

export interface Running {
  /** Resolves when the command is about to run, or with the words for why it can't. Never rejects. */
  readonly started: Promise<string | undefined>;
  /**
   * Resolves with the exit code, 128 + n where a signal n ended it, when all of the container's processes are gone and its
   * output has been read. Never rejects.
   */
  readonly done: Promise<number>;
  /** Asks the command to end, as the kubelet does: SIGTERM to its first process. Before the command runs it just ends. */
  terminate(): void;
  /** Ends all processes of the container; harmless after the end. */
  kill(): void;
}

const SIGNAL_CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGKILL: 137, SIGTERM: 143 };

/**
 * Starts the plan's command. The script file holds the environment, Secrets among it, so only we may read it. The container's
 * processes end when this process ends, however it does.
 */
export async function runSandboxed(
  sandbox: Sandbox,
  plan: SandboxPlan,
  scriptFile: string,
  output: (chunk: Buffer) => void,
): Promise<Running> {
  if (plan.base.isolation === 'overlay') await listMounts(plan.base);
  await writeFile(scriptFile, sandboxScript(plan), { mode: 0o600 });
  const [command, args] = endWithParent(...sandbox.wrap(scriptFile));
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, which signals go to
    env: { PATH: TOOLS_PATH },
    cwd: '/',
  });
  const started = Promise.withResolvers<string | undefined>();
  const done = Promise.withResolvers<number>();
  let remarks = '';
  let ready: number | undefined;
  child.stdout.on('data', output);
  child.stderr.on('data', (chunk: Buffer) => {
    remarks += chunk.toString();
    ready ??= readyProcess(remarks);
    if (ready !== undefined) started.resolve(undefined);
  });
  const finish = (exitCode: number, fault: string): void => {
    started.resolve(fault); // without effect once it has started
    done.resolve(exitCode);
  };
  child.once('error', (error) => finish(128, error.message));
  child.once('close', (code, signal) => {
    finish(
      code ?? (signal === null ? 128 : (SIGNAL_CODES[signal] ?? 128)),
      remarks.trim() || 'the container was stopped before it started',
    );
  });
  const send = (to: number, signal: NodeJS.Signals): void => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(to, signal);
    } catch {
      // gone in between
    }
  };
  const pid = child.pid ?? Number.NaN; // without a process there is an `error` event, and `send` throws into its catch
  return {
    started: started.promise,
    done: done.promise,
    terminate: () => send(ready ?? -pid, ready === undefined ? 'SIGKILL' : 'SIGTERM'),
    kill: () => send(-pid, 'SIGKILL'),
  };
}

function readyProcess(remarks: string): number | undefined {
  const match = new RegExp(`${READY} (\\d+)`).exec(remarks);
  return match === null ? undefined : Number(match[1]);
}
