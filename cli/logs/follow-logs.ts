/** Follows the logs of a sequence from step to step and from attempt to attempt, until it has ended. */
import { isApiError } from '../../shared/kube/errors.ts';
import { sleep } from '../../shared/sleep.ts';
import { explain } from '../cluster/command-error.ts';
import type { Connection } from '../cluster/connect.ts';
import { Denial } from '../cluster/denial.ts';
import { type Followed, type Follower, podsDenied } from '../cluster/follow.ts';
import { readLog } from '../cluster/log-stream.ts';
import { listPods, ofSequence } from '../cluster/read.ts';
import { qualifiedName } from '../output-format.ts';
import { hasEnded, toSequenceView } from '../status/sequence-view.ts';
import type { StepPod } from '../status/step-pod.ts';
import type { PrintLine } from './printer.ts';
import { ResumePoint } from './resume-point.ts';
import { goneLogs, hasStepEnded, logSources, type LogSource } from './selection.ts';

export interface FollowLogsOptions {
  readonly connection: Connection;
  readonly follower: Follower;
  readonly print: PrintLine;
  /** Says what is not shown. */
  readonly note: (text: string) => void;
  readonly step: string | undefined;
  readonly container: string | undefined;
  readonly tailLines: number | undefined;
  /** Ends it: nothing further is printed. */
  readonly signal: AbortSignal;
}

/** A stream that stays open after the container has ended is dead, and opened again. */
const GRACE_MS = 5_000;
const RETRY_MS = 1_000;
/** So often in a row the log of a container that has ended is asked for in vain. */
const MAX_FAILURES = 5;

/** Resolves when there is nothing more to come. Rejects with CommandError. */
export async function followLogs(options: FollowLogsOptions): Promise<void> {
  const { follower, signal } = options;
  const memory = { options, done: new Map<string, StepPod>(), said: new Set<string>(), denial: new Denial() };
  await follower.ready(signal);
  while (!signal.aborted) {
    const state = follower.current;
    if (state.pods === undefined) throw podsDenied(options.connection.namespace);
    sayGone(state.object, state.pods, memory);
    if (await followNext(state.object, state.pods, memory)) continue;
    if (state.isDeleted || isOver(state, options.step)) {
      await followLast(state, memory);
      return;
    }
    await follower.nextChange(signal);
  }
}

/** Whether no further Pod comes. */
const isOver = ({ object, pods }: Followed, step: string | undefined): boolean =>
  hasEnded(toSequenceView(object, pods, 0)) || (step !== undefined && hasStepEnded(object, step));

interface Memory {
  readonly options: FollowLogsOptions;
  /** The Pods whose logs have been printed, by UID. */
  readonly done: Map<string, StepPod>;
  /** Of logs. */
  readonly denial: Denial;
}

/** Follows the first log that has not been printed. False if there is none yet. */
async function followNext(
  object: Followed['object'],
  pods: readonly StepPod[],
  { options, done, denial }: Memory,
): Promise<boolean> {
  const next = logSources(object, pods, options.step).find(({ pod }) => !done.has(pod.metadata.uid) && hasLog(pod));
  if (next === undefined) return false;
  await followPod(next, options, denial);
  done.set(next.pod.metadata.uid, next.pod);
  return true;
}

/** Its container has run. A Pod that was evicted before has none. */
const hasLog = ({ runs, state }: StepPod): boolean => runs.length > 0 || state === 'running';

/** The watch of Pods may be behind that of the sequence: lists them once more. */
async function followLast(
  { object, isDeleted }: Followed,
  memory: Memory & { readonly said: Set<string> },
): Promise<void> {
  const { connection, signal } = memory.options;
  if (signal.aborted) return;
  if (isDeleted) return memory.options.note(`${qualifiedName(object.metadata.name)} was deleted`);
  const pods = ofSequence(await listPods(connection, object.metadata.name), object.metadata.uid);
  while (!signal.aborted && (await followNext(object, pods, memory))) continue;
  sayGone(object, pods, memory);
}

/** Not of Pods that went after their logs had been printed. */
function sayGone(
  object: Followed['object'],
  pods: readonly StepPod[],
  { options, done, said }: Memory & { readonly said: Set<string> },
): void {
  const known = new Map([...done, ...pods.map((pod) => [pod.metadata.uid, pod] as const)]);
  for (const { key, text } of goneLogs(object, [...known.values()], options.step)) {
    if (said.has(key)) continue;
    said.add(key);
    options.note(text);
  }
}

/** Follows a Pod's log until its container has ended for good. A log that is cut off goes on where it was. */
async function followPod(source: LogSource, options: FollowLogsOptions, denial: Denial): Promise<void> {
  const { follower, signal, note } = options;
  const { uid } = source.pod.metadata;
  const point = new ResumePoint();
  const isOpen = (): boolean =>
    follower.current.pods?.some((pod) => pod.metadata.uid === uid && pod.state !== 'ended') ?? false;
  let failures = 0;
  for (let tries = 0; !signal.aborted; tries++) {
    const wasOpen = isOpen();
    const error = await copyLog(source, point, { ...options, denial, follows: wasOpen, isOpen, isFirst: tries === 0 });
    if (error === undefined && !wasOpen) return;
    if (isApiError(error, 'NotFound')) return note(`Pod ${source.pod.metadata.name} of ${source.label} is gone`);
    failures = error === undefined || wasOpen ? 0 : failures + 1;
    if (failures >= MAX_FAILURES) return note(`${source.label}: cannot read its log: ${textOf(error)}`);
    if (error !== undefined || isOpen()) await sleep(RETRY_MS, signal);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

interface Copy extends FollowLogsOptions {
  readonly denial: Denial;
  readonly follows: boolean;
  readonly isOpen: () => boolean;
  readonly isFirst: boolean;
}

/** Prints what is new. Resolves with the error that may pass, if any; rejects with the others. */
async function copyLog(source: LogSource, point: ResumePoint, options: Copy): Promise<unknown> {
  const { connection, follower, print, signal, denial } = options;
  const stuck = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const restart = (): void => {
    clearTimeout(timer);
    timer = options.isOpen() ? undefined : setTimeout(() => stuck.abort(), GRACE_MS);
  };
  const remove = follower.onChange(restart);
  point.reopen();
  try {
    const lines = readLog(connection, {
      pod: source.pod.metadata.name,
      container: options.container ?? source.pod.step,
      follow: options.follows,
      tailLines: options.isFirst ? options.tailLines : undefined,
      sinceTime: point.since,
      signal: AbortSignal.any([signal, stuck.signal]),
    });
    for await (const line of lines) {
      if (signal.aborted) return undefined;
      denial.granted();
      const fresh = point.accept(line);
      if (fresh !== undefined) await print(fresh, source);
      if (timer !== undefined) restart();
    }
    return undefined;
  } catch (error) {
    if (signal.aborted) return undefined;
    if (!isApiError(error) || (isApiError(error, 'Forbidden') && !denial.mayPass())) {
      const { namespace, server } = connection;
      throw explain(error, { verb: 'get', resource: 'pods/log', namespace, server });
    }
    return error;
  } finally {
    clearTimeout(timer);
    remove();
  }
}
