/**
 * Generates the shell script that mounts a container's root file system and runs its command: pure.
 *
 * A container has no image; it sees this machine's files through an overlay whose upper layer is in memory. So its writes
 * outside its volumes are lost when it terminates. Volumes are bind-mounted at their mount paths, which need not exist on
 * the machine. An unprivileged user may not mount overlays; then the root is an empty tmpfs into which the machine's
 * top-level folders are bind-mounted.
 */
import { join } from 'node:path';

export interface BindMount {
  readonly source: string;
  /** Absolute path inside the container. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly kind: 'folder' | 'file';
}

/** How a container is isolated from the machine; with `none` it shares the machine's files and processes. */
export type Isolation = 'overlay' | 'bind' | 'none';

/** Files that all containers of a node share. */
export interface SandboxBase {
  readonly isolation: Isolation;
  /** An empty folder: each container mounts its root here, in its own mount namespace. */
  readonly folder: string;
  /** The initial content of /dev. */
  readonly devTemplate: string;
  /** A file with the output of `fstab(folder, …)`. */
  readonly fstab: string;
}

export interface SandboxPlan {
  readonly base: SandboxBase;
  readonly binds: readonly BindMount[];
  readonly hostname: string;
  readonly workingDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** `uid:gid` of the command; only if the node runs as root. */
  readonly user?: string;
  readonly command: readonly string[];
}

/** The script writes this and a process id to standard error just before it starts the container's command. */
export const READY = 'sandbox ready, process';

/** Devices in each container. */
export const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

/** The kubelet truncates the host name of a Pod to this length. */
const HOSTNAME_MAX = 63;

/** Quotes one word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A field of fstab(5): whitespace and backslashes as octal escapes. */
function field(text: string): string {
  return text.replace(/[\s\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The outermost mount points in /proc/self/mountinfo, except `/` and those that each container mounts itself. */
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

/** The mounts of each container in the format of fstab(5), so that a single `mount` process makes all of them. */
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

function bindLines(bind: BindMount, isolation: Exclude<Isolation, 'none'>): readonly string[] {
  const target = `"$root"${quote(bind.target)}`;
  const parent = `"$root"${quote(join(bind.target, '..'))}`;
  const create = bind.kind === 'folder' ? `mkdir -p ${target}` : `{ mkdir -p ${parent}; : > ${target}; }`;
  const top = `/${bind.target.split('/')[1] ?? ''}`;
  // In a bind-mounted folder a new mount point would be created on the machine, and remain there.
  const onMachine = isolation === 'bind' && !['/dev', '/tmp'].includes(top);
  const refuse = quote(
    `${bind.target} does not exist on this machine; only as root can the node create it for a container`,
  );
  return [
    ...(onMachine ? [`if [ -e ${quote(top)} ] && [ ! -e ${target} ]; then echo ${refuse} >&2; exit 1; fi`] : []),
    `[ -e ${target} ] || ${create}`,
    `mount -o ${bind.readOnly ? 'bind,ro' : 'bind'} ${quote(bind.source)} ${target}`,
  ];
}

/** Sets the host name. Root may write the file; in a user namespace only the `hostname` program works. Failure is ignored. */
function hostnameLines(name: string): readonly string[] {
  return [`{ echo ${quote(name)} > /proc/sys/kernel/hostname || hostname ${quote(name)} || :; } 2> /dev/null`];
}

/** The command line that runs the container's command with no other environment than the container's. */
function commandLine(plan: SandboxPlan): string {
  const variables = Object.entries(plan.env).map(([name, value]) => quote(`${name}=${value}`));
  return ['env', '-i', '-C', quote(plan.workingDir), ...variables, ...plan.command.map(quote)].join(' ');
}

/**
 * Runs the command as a child and forwards SIGTERM to it, even if SIGTERM arrives before the child has started. The shell
 * is the init process (PID 1) of the container: the kernel does not deliver SIGTERM to an init process without a handler, so
 * as PID 1 the command would ignore it. When the shell exits, the kernel kills the container's remaining processes.
 */
function supervise(command: string): readonly string[] {
  return [
    'set +e',
    'child= stopped=',
    `trap 'stopped=yes; [ -z "$child" ] || kill -TERM "$child"' TERM`,
    // This /proc is still the machine's: it has the shell's process id in the node's PID namespace.
    'read -r outer rest < /proc/self/stat',
    `echo "${READY} $outer" >&2`,
    'exec 3>&1 >/dev/null 2>&1', // the shell's own messages ("Terminated") must not appear in the container's log
    `${command} >&3 2>&1 3>&- &`,
    'child=$!',
    '[ -z "$stopped" ] || kill -TERM "$child"',
    // A trapped signal interrupts `wait`: its result is the exit code only if the child has exited.
    'wait "$child"; code=$?',
    'while kill -0 "$child"; do wait "$child"; code=$?; done',
    'exit $code',
  ];
}

/**
 * The script. It writes errors before the start of the command, and then `READY` with the process id that SIGTERM must be
 * sent to, to standard error. Both streams of the command go to standard output, in order. Exits with the command's exit
 * code, or 128 + n if signal n killed it.
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
