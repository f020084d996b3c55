/** Prints the progress of all SequentialJobs, and each step's log under its line. */
import { API_VERSION, PLURAL } from '../../shared/api/group.ts';
import type { Phase, SequentialJob } from '../../shared/api/types.ts';
import { Cache } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { Reflector } from '../../shared/kube/reflector.ts';
import type { Kubectl } from '../control-plane/kubectl.ts';
import type { DemoOutput, Tone } from './output.ts';
import { transitions, type Transition } from './transitions.ts';

const TONES: Readonly<Record<Transition['kind'], Tone>> = {
  started: 'plain',
  succeeded: 'good',
  failed: 'bad',
  finished: 'good',
  stopped: 'bad',
};

export interface ProgressReporter {
  /** Resolves when the SequentialJob of that name has finished and everything about it is printed. */
  untilFinished(name: string): Promise<Phase>;
  stop(): Promise<void>;
}

/** Watches until `stop`. Prints in the order of the watch events, even if fetching a log takes long. */
export function startProgressReporter(client: ApiClient, kubectl: Kubectl, output: DemoOutput): ProgressReporter {
  const cache = new Cache<SequentialJob>();
  const path = `/apis/${API_VERSION}/${PLURAL}`;
  const reflector = new Reflector<SequentialJob>({ client, path, cache, transform: (raw) => raw as SequentialJob });
  const finished = new Map<string, PromiseWithResolvers<Phase>>();
  const finishedPhase = (name: string): PromiseWithResolvers<Phase> => {
    const end = finished.get(name) ?? Promise.withResolvers<Phase>();
    finished.set(name, end);
    return end;
  };
  let lastReport = Promise.resolve();

  const report = async (job: SequentialJob, news: readonly Transition[]): Promise<void> => {
    const { name, namespace } = job.metadata;
    for (const { kind, text, jobName } of news) {
      output.line(name, text, TONES[kind]);
      if (jobName === undefined) continue;
      // A log may be unavailable, for example because the Pod was deleted: go on without it.
      output.quote(await kubectl('logs', `--namespace=${namespace}`, `job/${jobName}`).catch(() => ''));
    }
    const phase = job.status?.phase;
    if (phase === 'Completed' || phase === 'Failed') finishedPhase(name).resolve(phase);
  };
  cache.subscribe((change) => {
    if (change.type === 'deleted') {
      lastReport = lastReport.then(() => output.line(change.object.metadata.name, 'deleted', 'quiet'));
      return;
    }
    const news = transitions(change.type === 'modified' ? change.previous : undefined, change.object);
    if (news.length > 0) lastReport = lastReport.then(() => report(change.object, news));
  });
  reflector.start();
  return {
    untilFinished: (name) => finishedPhase(name).promise,
    stop: async () => {
      await reflector.stop();
      await lastReport;
    },
  };
}
