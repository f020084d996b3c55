/** Tells on the screen what the SequentialJobs of the cluster do, each step's output under its line. */
import { API_VERSION, PLURAL } from '../../shared/api/group.ts';
import type { Phase, SequentialJob } from '../../shared/api/types.ts';
import { Cache } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { Reflector } from '../../shared/kube/reflector.ts';
import type { Kubectl } from '../control-plane/kubectl.ts';
import type { Screen, Tone } from './screen.ts';
import { transitions, type Transition } from './transitions.ts';

const TONES: Readonly<Record<Transition['kind'], Tone>> = {
  started: 'plain',
  succeeded: 'good',
  failed: 'bad',
  finished: 'good',
  stopped: 'bad',
};

export interface Narrator {
  /** Resolves when the SequentialJob of that name has ended and all about it is on the screen. */
  ended(name: string): Promise<Phase>;
  stop(): Promise<void>;
}

/** Watches until `stop`. Lines come in the order of what happened, however long a log takes to fetch. */
export function startNarrator(client: ApiClient, kubectl: Kubectl, screen: Screen): Narrator {
  const cache = new Cache<SequentialJob>();
  const path = `/apis/${API_VERSION}/${PLURAL}`;
  const reflector = new Reflector<SequentialJob>({ client, path, cache, transform: (raw) => raw as SequentialJob });
  const ends = new Map<string, PromiseWithResolvers<Phase>>();
  const endOf = (name: string): PromiseWithResolvers<Phase> => {
    const end = ends.get(name) ?? Promise.withResolvers<Phase>();
    ends.set(name, end);
    return end;
  };
  let told = Promise.resolve();

  const tell = async (job: SequentialJob, news: readonly Transition[]): Promise<void> => {
    const { name, namespace } = job.metadata;
    for (const { kind, text, jobName } of news) {
      screen.line(name, text, TONES[kind]);
      if (jobName === undefined) continue;
      // A log that can't be had (its Pod is gone, say) is no reason to stop telling.
      screen.quote(await kubectl('logs', `--namespace=${namespace}`, `job/${jobName}`).catch(() => ''));
    }
    const phase = job.status?.phase;
    if (phase === 'Completed' || phase === 'Failed') endOf(name).resolve(phase);
  };
  cache.subscribe((change) => {
    if (change.type === 'deleted') {
      told = told.then(() => screen.line(change.object.metadata.name, 'deleted', 'quiet'));
      return;
    }
    const news = transitions(change.type === 'modified' ? change.previous : undefined, change.object);
    if (news.length > 0) told = told.then(() => tell(change.object, news));
  });
  reflector.start();
  return {
    ended: (name) => endOf(name).promise,
    stop: async () => {
      await reflector.stop();
      await told;
    },
  };
}
