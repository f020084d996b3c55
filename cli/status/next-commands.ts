/** The commands that help next, by the state of a sequence. Pure. */
import { LABELS } from '../../shared/api/group.ts';
import { REASON } from '../../shared/api/reasons.ts';
import type { SequenceView } from './sequence-view.ts';

/** How the user called the program. */
export interface Invocation {
  /** `sequentialjob` or `kubectl sequentialjob` */
  readonly program: string;
  /** The flags that choose the cluster: `--context`, `--kubeconfig`. */
  readonly clusterFlags: readonly string[];
  /** The user looks at `watch` already. */
  readonly isWatching?: boolean;
}

const KUBECTL = 'kubectl';

/** By the reason of ResourcesUnavailable. */
const BY_REASON: Readonly<Record<string, string>> = {
  [REASON.secretNotFound]: 'get secrets',
  [REASON.configMapNotFound]: 'get configmaps',
  [REASON.claimNotFound]: 'get persistentvolumeclaims',
  [REASON.quotaExceeded]: 'describe resourcequota',
  [REASON.jobSuspended]: 'describe job',
};

/** Faults in the spec, which can still be changed. */
const SPEC_FAULTS: ReadonlySet<string> = new Set([REASON.invalidSpec, REASON.jobRejected]);

export function nextCommands(view: SequenceView, invocation: Invocation): readonly string[] {
  const own = (text: string): string => commandLine(invocation.program, text, view.namespace, invocation);
  const kubectl = (text: string): string => commandLine(KUBECTL, text, view.namespace, invocation);
  return nextOf(view)
    .filter(({ by, text }) => invocation.isWatching !== true || by !== 'own' || !text.startsWith('watch '))
    .map(({ by, text }) => (by === 'own' ? own(text) : kubectl(text)));
}

/** A command for the same cluster and namespace. */
export const commandLine = (program: string, text: string, namespace: string, { clusterFlags }: Invocation): string =>
  [program, text, `-n ${namespace}`, ...clusterFlags.map(quoted)].join(' ');

interface Command {
  readonly by: 'own' | 'kubectl';
  readonly text: string;
}

const own = (text: string): Command => ({ by: 'own', text });
const kubectl = (text: string): Command => ({ by: 'kubectl', text });

function nextOf(view: SequenceView): readonly Command[] {
  const { name, phase } = view;
  if (view.isNew && phase === 'Pending') return [kubectl(`describe sequentialjob ${name}`)];
  switch (phase) {
    case 'Completed':
      return [own(`logs ${name}`)];
    case 'Failed':
      return view.isResumePending ? [own(`watch ${name}`)] : afterFailure(view);
    case 'Suspended':
      return [own(`unsuspend ${name}`)];
    case 'Deleting':
      return [kubectl(`get jobs -l ${LABELS.name}=${name}`)];
    default:
  }
  if (view.isSuspending) return [own(`watch ${name}`), own(`unsuspend ${name}`)];
  if (view.waiting !== undefined) return whileWaiting(view, view.waiting.reason);
  return [own(`watch ${name}`), own(`logs ${name} -f`)];
}

function afterFailure({ name, failure, steps, finally: last }: SequenceView): readonly Command[] {
  const failed = [...steps, ...last].findLast(({ state, isIgnored }) => state === 'Failed' && !isIgnored);
  const logs = failed?.attempts === undefined ? [] : [own(`logs ${name} --step=${failed.name}`)];
  const isFault = SPEC_FAULTS.has(failure?.reason ?? '');
  return [...logs, isFault ? kubectl(`edit sequentialjob ${name}`) : own(`resume ${name}`)];
}

function whileWaiting({ name, current }: SequenceView, reason: string): readonly Command[] {
  if (reason === REASON.permissionDenied) return [kubectl(`describe sequentialjob ${name}`)];
  const job = reason === REASON.jobSuspended ? ` ${current?.jobName ?? ''}` : '';
  const known = BY_REASON[reason];
  if (known !== undefined) return [kubectl(`${known}${job}`.trimEnd())];
  return [kubectl(`describe pods -l ${LABELS.name}=${name}`)];
}

const SAFE = /^[\w@%+=:,./-]+$/;

/** A word for a POSIX shell. */
export const quoted = (word: string): string =>
  SAFE.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
