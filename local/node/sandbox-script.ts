/**
 * The shell script that gives a container its own view of the machine's files and then runs it: pure text.
 *
 * A container without an image sees this machine's files, but as its own copy: an overlay whose upper layer lives in memory
 * and goes with the container, so nothing it writes outside its volumes stays. Volumes are bound at their mount paths, which
 * need not exist on the machine. Where overlays are not allowed (an unprivileged user), the root is an empty memory file system
 * into which the machine's top-level folders are bound.
 */
import { join } from 'node:path';

export interface Bind {
  readonly source: string;
  /** Absolute path inside the container. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly kind: 'folder' | 'file';
}

/** How much of its own world a container gets; `none` shares the machine's files and processes. */
export type Isolation = 'overlay' | 'bind' | 'none';

/** What all containers of a node share. */
export interface SandboxBase {
  readonly isolation: Isolation;
  /** An empty folder: each container puts its root together here, in a mount namespace of its own. */
  readonly folder: string;
  /** A folder that /dev starts as. */
  readonly devTemplate: string;
  /** A file with `fstab(folder, …)`. */
  readonly fstab: string;
}

export interface SandboxPlan {
  readonly base: SandboxBase;
  readonly binds: readonly Bind[];
  readonly hostname: string;
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** `uid:gid` to run as; only where we are root. */
  readonly user?: string;
  readonly command: readonly string[];
}

/** What the script says on its standard error, with a process id, once the container's own command is about to run. */
export const READY = 'sandbox ready, process';

/** Devices that every container has. */
export const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** The longest host name that a Pod gets, as the kubelet cuts it. */
const HOSTNAME_MAX = 63;

/** Quotes one word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A field of fstab(5): blanks and backslashes as octal escapes. */
function field(text: string): string {
  return text.replace(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The outermost mount points out of /proc/self/mountinfo, but for `/` and what every container gets anew. */
export function outermostMounts(mountinfo: string): readonly string[] {
  const own = ['/proc', '/sys', '/dev', '/tmp'];
  const points = mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
    .filter((point) => point !== '/' && !own.some((prefix) => point === prefix || point.startsWith(`${prefix}/`)));
  const inside = (a: string, b: string): boolean => a.startsWith(`${b}/`);
  return [...new Set(points)].filter((point) => !points.some((other) => inside(point, other))).sort();
}

/** The mounts that every container has, in fstab's format, so that one `mount` process makes them all. */
export function fstab(folder: string, hostMounts: readonly string[]): string {
  const line = (source: string, target: string, type: string, options: string): string =>
    `${field(source)} ${field(join(folder, 'root', target))} ${type} ${options} 0 0\n`;
  return [
    ...hostMounts.map((point) => line(point, point, 'none', 'rbind')),
    line('proc', '/proc', 'proc', 'defaults'),
    line('/sys', '/sys', 'none', 'rbind'),
    line('tmpfs', '/tmp', 'tmpfs', 'mode=1777'),
    ...DEVICES.map((device) => line(`/dev/${device}`, `/dev/${device}`, 'none', 'bind')),
    line('tmpfs', '/dev/shm', 'tmpfs', 'mode=1777'),
  ].join('');
}

function rootLines(isolation: Exclude<Isolation, 'none'>): readonly string[] {
  switch (isolation) {
    case 'overlay':
      return [
        'mkdir "$base/upper" "$base/work"',
        'mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" overlay "$root"',
      ];
    case 'bind':
      return [
        'for entry in /*; do',
        '  case $entry in /proc|/sys|/dev|/tmp) continue;; esac',
        '  if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"',
        '  elif [ -d "$entry" ]; then mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"; fi',
        'done',
      ];
  }
}

function bindLines(bind: Bind, isolation: Exclude<Isolation, 'none'>): readonly string[] {
  const target = `"$root"${quote(bind.target)}`;
  const parent = `"$root"${quote(join(bind.target, '..'))}`;
  const create = bind.kind === 'folder' ? `mkdir -p ${target}` : `{ mkdir -p ${parent}; : > ${target}; }`;
  const top = `/${bind.target.split('/')[1] ?? ''}`;
  // What is bound from the machine is the machine's own: a mount point made there would stay.
  const foreign = isolation === 'bind' && !['/dev', '/tmp'].includes(top);
  const refuse = quote(
    `${bind.target} does not exist on this machine, and only root can add it for one container alone`,
  );
  return [
    ...(foreign ? [`if [ -e ${quote(top)} ] && [ ! -e ${target} ]; then echo ${refuse} >&2; exit 1; fi`] : []),
    `[ -e ${target} ] || ${create}`,
    `mount -o ${bind.readOnly ? 'bind,ro' : 'bind'} ${quote(bind.source)} ${target}`,
  ];
}

/** Names the machine after the Pod. Root writes a file; within a user namespace only the program may. Without it is no harm. */
function hostnameLines(name: string): readonly string[] {
  return [`{ echo ${quote(name)} > /proc/sys/kernel/hostname || hostname ${quote(name)} || :; } 2> /dev/null`];
}

/** The command line that starts the container's command with exactly its environment. */
function commandLine(plan: SandboxPlan): string {
  const variables = Object.entries(plan.env).map(([name, value]) => quote(`${name}=${value}`));
  return ['env', '-i', '-C', quote(plan.workingDir), ...variables, ...plan.command.map(quote)].join(' ');
}

/**
 * Runs the command as a child and hands SIGTERM on to it, also one that comes before the child is there. The shell stays the
 * first process of the container, so that a command that does not handle SIGTERM dies of it: the first process of a PID
 * namespace would not. When it exits, the kernel ends whatever the command left behind.
 */
function supervise(command: string): readonly string[] {
  return [
    'set +e',
    'child= stopped=',
    `trap 'stopped=yes; [ -z "$child" ] || kill -TERM "$child"' TERM`,
    // The machine's own /proc is still in place here: it tells our process id as the node sees it.
    'read -r outer rest < /proc/self/stat',
    `echo "${READY} $outer" >&2`,
    'exec 3>&1 >/dev/null 2>&1', // the shell's own remarks ("Terminated") are not the container's output
    `${command} >&3 2>&1 3>&- &`,
    'child=$!',
    '[ -z "$stopped" ] || kill -TERM "$child"',
    // A trapped signal ends `wait` early: only when the child is gone is its answer the exit code.
    'wait "$child"; code=$?',
    'while kill -0 "$child"; do wait "$child"; code=$?; done',
    'exit $code',
  ];
}

/**
 * The script. Its standard error carries what went wrong before the container's command, and then `READY` with the process id
 * that SIGTERM goes to; from there on both streams of the command go to its standard output, in order. It ends with the
 * command's exit code, 128 + n where a signal n ended it.
 */
export function sandboxScript(plan: SandboxPlan): string {
  const { isolation, folder, devTemplate } = plan.base;
  const run = commandLine(plan);
  if (isolation === 'none') return `echo "${READY} $$" >&2\nexec ${run} 2>&1\n`;
  const user = plan.user === undefined ? '' : `--userspec=${quote(plan.user)} `;
  const outerFirst = [...plan.binds].sort((a, b) => a.target.length - b.target.length);
  return [
    'set -e',
    `base=${quote(folder)} root=${quote(join(folder, 'root'))}`,
    ...hostnameLines(plan.hostname.slice(0, HOSTNAME_MAX)),
    'mount -t tmpfs -o mode=0755 tmpfs "$base"',
    'mkdir "$root"',
    ...rootLines(isolation),
    'mkdir -p "$root/proc" "$root/sys" "$root/tmp" "$root/dev"',
    'mount -t tmpfs -o mode=0755 tmpfs "$root/dev"',
    `cp -a ${quote(devTemplate)}/. "$root/dev/"`,
    `mount -a -T ${quote(plan.base.fstab)}`,
    ...outerFirst.flatMap((bind) => bindLines(bind, isolation)),
    `[ -d "$root"${quote(plan.workingDir)} ] || mkdir -p "$root"${quote(plan.workingDir)}`,
    ...supervise(`chroot ${user}"$root" ${run}`),
    '',
  ].join('\n');
}
