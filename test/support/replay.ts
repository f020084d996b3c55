/** The controller as a whole against a recorded server, by a clock that shows the recorded times. */
import { jest } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import type { JobCondition } from '../../shared/api/job.ts';
import type { SequentialJob, SequentialJobStatus } from '../../shared/api/types.ts';
import type { ApiRequest } from '../../shared/kube/client.ts';
import { describeRequest } from './fake-api.ts';
import { RecordedServer } from './recorded-server.ts';
import { type Line, recordingLog } from './recording-log.ts';
import { recordingOf } from './recording.ts';
import { type Chapter, Story } from './story.ts';

export interface Replay {
  readonly story: readonly Chapter[];
  /** All that were written, in their order. */
  readonly statuses: readonly SequentialJobStatus[];
  /** The requests that made or changed Jobs: `POST jobs`, … */
  readonly jobRequests: readonly string[];
  /** By Job: its conditions that were True when the status first told that its step was over. */
  readonly ends: ReadonlyMap<string, readonly string[]>;
  /** How many events the watches have brought, by plural. */
  readonly heard: Readonly<Record<string, number>>;
  /** Of the controller. */
  readonly log: readonly Line[];
}

/** A recorded time is at most so much earlier than that of the event. */
const LATE_S = 5;
/** How long a controller that stops may take; nothing real passes. */
const STOP_MS = 10_000;

/**
 * Lets a controller live through a recording. To be called with fake timers. Rejects where the recording goes on with
 * something that the controller should have asked for; where it asks for something else than was recorded, its log says so.
 */
export async function replay(sequence: string): Promise<Replay> {
  const recording = recordingOf(sequence);
  const [first] = recording;
  if (first === undefined) throw new Error(`nothing is recorded of ${sequence}`);
  jest.setSystemTime(Date.parse(first.at));
  const server = new RecordedServer(recording);
  const { namespace } = first.object.metadata;
  const witness = new Witness(server, namespace, sequence);
  const { log, lines } = recordingLog();
  const controller = new Controller({ client: server.client, log, namespace, workers: 1, random: () => 1 });
  await controller.start();
  try {
    while (server.next !== undefined) await live(server);
  } finally {
    const stopping = controller.stop();
    await pass(STOP_MS);
    await stopping;
  }
  const { story, statuses, jobRequests, ends } = witness;
  return { story: story.chapters, statuses, jobRequests, ends, heard: server.heard, log: lines };
}

/** Until the next event has come, and the controller has done what it does about that. */
async function live(server: RecordedServer): Promise<void> {
  await pass(Math.max(0, Date.parse(server.next?.at ?? '') - Date.now()));
  for (let seconds = 0; server.isAwaiting && seconds < LATE_S; seconds++) await pass(1000);
  if (server.isAwaiting) throw new Error(`the controller did not ask for ${JSON.stringify(server.next)}`);
  server.step();
  await pass(0);
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

interface EventBody {
  readonly type?: string;
  readonly reason?: string;
  readonly message: string;
  readonly count: number;
}

/** Sees what the controller writes. */
class Witness {
  readonly story = new Story(Date.now());
  readonly statuses: SequentialJobStatus[] = [];
  readonly jobRequests: string[] = [];
  readonly ends = new Map<string, readonly string[]>();
  readonly #server: RecordedServer;

  constructor(server: RecordedServer, namespace: string, name: string) {
    this.#server = server;
    server.onRequest = (request: ApiRequest): void => {
      const what = describeRequest(request);
      if (what.endsWith(' events')) this.story.event(inWords(request.body as EventBody), Date.now());
      if (what === 'PATCH sequentialjobs/status') this.#status(server.sequentialJob(namespace, name));
      if (what.endsWith(' jobs') && request.method !== 'GET') this.jobRequests.push(what);
    };
  }

  #status({ metadata, status = {} }: SequentialJob): void {
    this.statuses.push(status);
    this.story.status(status, Date.now());
    for (const { state, jobName } of status.steps ?? []) {
      if (state === 'Running' || jobName === undefined || this.ends.has(jobName)) continue;
      const job = this.#server.job(metadata.namespace, jobName);
      const { conditions = [] } = (job?.['status'] ?? {}) as { readonly conditions?: readonly JobCondition[] };
      this.ends.set(
        jobName,
        conditions.filter(({ status }) => status === 'True').map(({ type }) => type),
      );
    }
  }
}

/** An Event that is counted up has neither type nor reason. */
function inWords({ type, reason, message, count }: EventBody): string {
  const repeated = count > 1 ? ` (${count} times)` : '';
  return type === undefined ? `again${repeated}: ${message}` : `${type} ${reason}${repeated}: ${message}`;
}
