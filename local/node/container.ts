/** Runs a container once: mounts, command, log and termination message. */
import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expand } from './expansion.ts';
import { LogFile } from './log-file.ts';
import type { Container, Pod } from './objects.ts';
import type { Terminated } from './pod-status.ts';
import { runSandboxed, type SandboxedProcess, type Sandbox } from './sandbox.ts';
import type { BindMount } from './sandbox-script.ts';
import { terminationMessage } from './termination.ts';

const TERMINATION_PATH = '/dev/termination-log';

export interface ContainerRun {
  readonly log: LogFile;
  readonly startedAt: number;
  /** Resolves when the container has terminated; never rejects. */
  readonly ended: Promise<Terminated>;
  terminate(): void;
  kill(): void;
}

export interface ContainerPlan {
  readonly pod: Pod;
  readonly container: Container;
  readonly env: Readonly<Record<string, string>>;
  /** Paths on this machine, by volume name. */
  readonly volumes: ReadonlyMap<string, string>;
  /** The container's own folder. */
  readonly folder: string;
  /** The number of earlier runs. */
  readonly run: number;
}

/** The container cannot be created. The message becomes that of the waiting reason `CreateContainerError`. */
export class CreateContainerError extends Error {
  override readonly name = 'CreateContainerError';
}

/** The log file of a run. It is kept until the Pod is deleted. */
export function logFileOf(folder: string, run: number): string {
  return join(folder, `${run}.log`);
}

/** The command line of the container. Throws CreateContainerError if it depends on the image's entrypoint. */
export function commandOf(container: Container, env: Readonly<Record<string, string>>): readonly string[] {
  if ((container.command ?? []).length === 0) {
    throw new CreateContainerError(
      `the local node has no images and does not know the entrypoint of ${container.image ?? 'this one'}: give the container a "command"`,
    );
  }
  return [...(container.command ?? []), ...(container.args ?? [])].map((word) => expand(word, env));
}

/** Resolves the symbolic links in the existing part of a path: the mount script would follow them out of the container's root. */
async function resolveSymlinks(path: string): Promise<string> {
  const absolute = join('/', path);
  const found = await realpath(absolute).catch(() => undefined);
  if (found !== undefined || absolute === '/') return found ?? absolute;
  return join(await resolveSymlinks(dirname(absolute)), absolute.slice(dirname(absolute).length));
}

async function bindMountOf(
  plan: ContainerPlan,
  mount: NonNullable<Container['volumeMounts']>[number],
): Promise<BindMount> {
  const volume = plan.volumes.get(mount.name);
  if (volume === undefined) throw new CreateContainerError(`volumeMount "${mount.name}": no such volume`);
  const subPath = mount.subPathExpr === undefined ? (mount.subPath ?? '') : expand(mount.subPathExpr, plan.env);
  const source = join(volume, join('/', subPath));
  const found = await stat(source).catch(() => undefined);
  if (found === undefined) await mkdir(source, { recursive: true });
  return {
    source,
    target: await resolveSymlinks(mount.mountPath),
    readOnly: mount.readOnly ?? false,
    kind: found === undefined || found.isDirectory() ? 'folder' : 'file',
  };
}

function userOf({ pod, container }: ContainerPlan): string | undefined {
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser;
  const gid = container.securityContext?.runAsGroup ?? pod.spec.securityContext?.runAsGroup;
  return uid === undefined ? undefined : `${uid}:${gid ?? uid}`;
}

async function bindMountsOf(
  plan: ContainerPlan,
  sandbox: Sandbox,
  terminationFile: string,
): Promise<readonly BindMount[]> {
  const mounts = plan.container.volumeMounts ?? [];
  if (sandbox.base.isolation === 'none') {
    if (mounts.length === 0) return [];
    throw new CreateContainerError(
      'the local node can mount volumes only as root or where user namespaces are allowed (unshare --user --mount)',
    );
  }
  const target = plan.container.terminationMessagePath ?? TERMINATION_PATH;
  const termination: BindMount = {
    source: terminationFile,
    target: await resolveSymlinks(target),
    readOnly: false,
    kind: 'file',
  };
  return [...(await Promise.all(mounts.map((mount) => bindMountOf(plan, mount)))), termination];
}

/**
 * Starts the container. Rejects with CreateContainerError if its command cannot be started. Once it runs, `ended` has its
 * result.
 */
export async function startContainer(plan: ContainerPlan, sandbox: Sandbox, now: () => number): Promise<ContainerRun> {
  const { container, folder } = plan;
  const command = commandOf(container, plan.env);
  await mkdir(folder, { recursive: true });
  const terminationFile = join(folder, `${plan.run}.termination`);
  await writeFile(terminationFile, '', { mode: 0o666 });
  const binds = await bindMountsOf(plan, sandbox, terminationFile);
  const user = sandbox.unprivileged ? undefined : userOf(plan);
  const log = new LogFile(logFileOf(folder, plan.run), now);
  const sandboxed = await runSandboxed(
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
  const startError = await sandboxed.started;
  const startedAt = now();
  if (startError !== undefined) {
    log.end();
    throw new CreateContainerError(startError);
  }
  const ended = untilExit(sandboxed, { log, startedAt, terminationFile, container, now });
  return { log, startedAt, ended, terminate: () => sandboxed.terminate(), kill: () => sandboxed.kill() };
}

interface ExitContext {
  readonly log: LogFile;
  readonly startedAt: number;
  readonly terminationFile: string;
  readonly container: Container;
  readonly now: () => number;
}

async function untilExit(running: SandboxedProcess, context: ExitContext): Promise<Terminated> {
  const exitCode = await running.done;
  context.log.end();
  const message = terminationMessage({
    file: await readFile(context.terminationFile, 'utf8').catch(() => ''),
    logTail: context.log.tail,
    exitCode,
    policy: context.container.terminationMessagePolicy ?? 'File',
  });
  return {
    kind: 'terminated',
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    ...(message === undefined ? {} : { message }),
    startedAt: context.startedAt,
    finishedAt: context.now(),
  };
}
