/** Detects which isolation this machine allows, and runs a container's command in it. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { killWithParent, findProgram } from '../processes/child.ts';
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
/** The PATH of the script, independent of the node's own PATH. */
const TOOLS_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Sandbox {
  readonly base: SandboxBase;
  /** True if the node does not run as root: a container's `runAsUser` has no effect then. */
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
  await writeFstab(base);
  return base;
}

/** Writes the fstab file. Called before each start of a container, because the machine's mounts may have changed. */
async function writeFstab({ isolation, folder, fstab: file }: SandboxBase): Promise<void> {
  const mounts = isolation === 'overlay' ? outermostMounts(await readFile('/proc/self/mountinfo', 'utf8')) : [];
  const next = `${file}.${randomUUID()}`;
  await writeFile(next, fstab(folder, mounts));
  await rename(next, file);
}

/** Finds the best isolation that works on this machine, by running `true` in it. Falls back to `none`. */
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

export interface SandboxedProcess {
  /** Resolves just before the command starts, or with the reason why it cannot start. Never rejects. */
  readonly started: Promise<string | undefined>;
  /**
   * Resolves with the exit code, or 128 + n if signal n killed it, when all of the container's processes have exited and its
   * output has been read. Never rejects.
   */
  readonly done: Promise<number>;
  /** Sends SIGTERM to the container's first process, as the kubelet does. Kills the script if the command does not run yet. */
  terminate(): void;
  /** Kills all processes of the container. Does nothing after they have exited. */
  kill(): void;
}

const SIGNAL_CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGKILL: 137, SIGTERM: 143 };

/**
 * Starts the plan's command. The script file contains the environment, which may hold Secrets, so only this user may read
 * it. The container's processes die when this process exits or is killed.
 */
export async function runSandboxed(
  sandbox: Sandbox,
  plan: SandboxPlan,
  scriptFile: string,
  output: (chunk: Buffer) => void,
): Promise<SandboxedProcess> {
  if (plan.base.isolation === 'overlay') await writeFstab(plan.base);
  await writeFile(scriptFile, sandboxScript(plan), { mode: 0o600 });
  const [command, args] = killWithParent(...sandbox.wrap(scriptFile));
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // its own process group, which receives the signals
    env: { PATH: TOOLS_PATH },
    cwd: '/',
  });
  const started = Promise.withResolvers<string | undefined>();
  const done = Promise.withResolvers<number>();
  let stderr = '';
  let ready: number | undefined;
  child.stdout.on('data', output);
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    ready ??= readyProcess(stderr);
    if (ready !== undefined) started.resolve(undefined);
  });
  const finish = (exitCode: number, error: string): void => {
    started.resolve(error); // no effect if `started` has resolved already
    done.resolve(exitCode);
  };
  child.once('error', (error) => finish(128, error.message));
  child.once('close', (code, signal) => {
    finish(
      code ?? (signal === null ? 128 : (SIGNAL_CODES[signal] ?? 128)),
      stderr.trim() || 'the container was stopped before it started',
    );
  });
  const send = (to: number, signal: NodeJS.Signals): void => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(to, signal);
    } catch {
      // has exited meanwhile
    }
  };
  const pid = child.pid ?? Number.NaN; // without a process there is an `error` event, and `send` catches the error for NaN
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
