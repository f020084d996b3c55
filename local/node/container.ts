/** One run of one container: its mounts, its command, its log and its last words. */
import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expand } from './expansion.ts';
import { LogFile } from './log-file.ts';
import type { Container, Pod } from './objects.ts';
import type { Terminated } from './pod-status.ts';
import { runSandboxed, type Running, type Sandbox } from './sandbox.ts';
import type { Bind } from './sandbox-script.ts';
import { terminationMessage } from './termination.ts';

const TERMINATION_PATH = '/dev/termination-log';

export interface ContainerRun {
  readonly log: LogFile;
  readonly startedAt: number;
  /** Resolves when it has ended; never rejects. */
  readonly ended: Promise<Terminated>;
  terminate(): void;
  kill(): void;
}

export interface ContainerPlan {
  readonly pod: Pod;
  readonly container: Container;
  readonly env: Readonly<Record<string, string>>;
  /** Paths on this machine by volume name. */
  readonly volumes: ReadonlyMap<string, string>;
  /** The container's own folder. */
  readonly folder: string;
  /** How often it was started before. */
  readonly run: number;
}

/** A container that can't be made; the message is fit for `CreateContainerError`. */
export class CreateContainerError extends Error {
  override readonly name = 'CreateContainerError';
}

/** Where the log of a run is; it stays until the Pod goes. */
export function logFileOf(folder: string, run: number): string {
  return join(folder, `${run}.log`);
}

/** What the container runs. Throws CreateContainerError where only its image would know. */
export function commandOf(container: Container, env: Readonly<Record<string, string>>): readonly string[] {
  if ((container.command ?? []).length === 0) {
    throw new CreateContainerError(
      `the local node has no images and does not know what ${container.image ?? 'this one'} runs: give the container a "command"`,
    );
  }
  return [...(container.command ?? []), ...(container.args ?? [])].map((word) => expand(word, env));
}

/** A path with the links of its existing part followed: inside the container they would lead out of its root. */
async function withoutLinks(path: string): Promise<string> {
  const absolute = join('/', path);
  const found = await realpath(absolute).catch(() => undefined);
  if (found !== undefined || absolute === '/') return found ?? absolute;
  return join(await withoutLinks(dirname(absolute)), absolute.slice(dirname(absolute).length));
}

async function bindOf(plan: ContainerPlan, mount: NonNullable<Container['volumeMounts']>[number]): Promise<Bind> {
  const volume = plan.volumes.get(mount.name);
  if (volume === undefined) throw new CreateContainerError(`volumeMount "${mount.name}": no such volume`);
  const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr, plan.env);
  const source = join(volume, join('/', subPath));
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) await mkdir(source, { recursive: true });
  return {
    source,
    target: await withoutLinks(mount.mountPath),
    readOnly: mount.readOnly ?? false,
    kind: found === undefined || found.isDirectory() ? 'folder' : 'file',
  };
}

function userOf({ pod, container }: ContainerPlan): string | undefined {
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const gid = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup;
  return uid === undefined ? undefined : `${uid}:${gid ?? uid}`;
}

async function bindsOf(plan: ContainerPlan, sandbox: Sandbox, terminationFile: string): Promise<readonly Bind[]> {
  const mounts = plan.container.volumeMounts ?? [];
  if (sandbox.base.isolation === 'none') {
    if (mounts.length === 0) return [];
    throw new CreateContainerError(
      'the local node can mount volumes only as root or where user namespaces are allowed (unshare --user --mount)',
    );
  }
  const target = plan.container.terminationMessagePath ?? TERMINATION_PATH;
  const termination: Bind = {
    source: terminationFile,
    target: await withoutLinks(target),
    readOnly: false,
    kind: 'file',
  };
  return [...(await Promise.all(mounts.map((mount) => bindOf(plan, mount)))), termination];
}

/**
 * Starts the container. Rejects with CreateContainerError when its command never gets to run; after that whatever happens is
 * told by `ended`.
 */
export async function startContainer(plan: ContainerPlan, sandbox: Sandbox, now: () => number): Promise<ContainerRun> {
  const { container, folder } = plan;
  const command = commandOf(container, plan.env);
  await mkdir(folder, { recursive: true });
  const terminationFile = join(folder, `${plan.run}.termination`);
  await writeFile(terminationFile, '', { mode: 0o666 });
  const binds = await bindsOf(plan, sandbox, terminationFile);
  const user = sandbox.unprivileged ? undefined : userOf(plan);
  const log = new LogFile(logFileOf(folder, plan.run), now);
  const running = await runSandboxed(
    sandbox,
    {
      base: sandbox.base,
      binds,
      hostname: plan.pod.spec.hostname ?? plan.pod.metadata.name,
      workingDir: container.workingDir ?? '/',
      env: plan.env,
      ...(user === undefined ? {} : { user }),
      command,
    },
    join(folder, `${plan.run}.sh`),
    (chunk) => log.append(chunk),
  );
  const fault = await running.started;
  const startedAt = now();
  if (fault !== undefined) {
    log.end();
    throw new CreateContainerError(fault);
  }
  const ended = watchEnd(running, { log, startedAt, terminationFile, container, now });
  return { log, startedAt, ended, terminate: () => running.terminate(), kill: () => running.kill() };
}

interface Watch {
  readonly log: LogFile;
  readonly startedAt: number;
  readonly terminationFile: string;
  readonly container: Container;
  readonly now: () => number;
}

async function watchEnd(running: Running, watch: Watch): Promise<Terminated> {
  const exitCode = await running.done;
  watch.log.end();
  const message = terminationMessage({
    file: await readFile(watch.terminationFile, 'utf8').catch(() => ''),
    logTail: watch.log.tail,
    exitCode,
    policy: watch.container.terminationMessagePolicy ?? 'File',
  });
  return {
    kind: 'terminated',
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    ...(message === undefined ? {} : { message }),
    startedAt: watch.startedAt,
    finishedAt: watch.now(),
  };
}
