/** Writes one Event: creates it or increases the count of the existing one. */
import { API_VERSION, MANAGER } from '../shared/api/group.ts';
import { truncate } from '../shared/truncate.ts';
import { type EventDraft, REPEATING_EVENTS } from '../shared/api/reasons.ts';
import type { ScheduleEventReason } from '../shared/api/schedule-reasons.ts';
import { toTimestamp } from '../shared/api/time.ts';
import type { ObjectMeta } from '../shared/api/types.ts';
import { type ApiClient, PATCH_TYPE } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { collectionPath, EVENTS, objectPath } from '../shared/kube/resources.ts';

/** What an Event says: each kind of object has its own reasons. */
export interface RecordedEvent extends Omit<EventDraft, 'reason'> {
  readonly reason: EventDraft['reason'] | ScheduleEventReason;
}

/** A pending event. */
export interface PendingEvent {
  /**
   * The fields of the object that an Event needs; the object, with its spec, is not kept while the event is pending.
   */
  readonly subject: { readonly kind: string } & Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion'>;
  readonly event: RecordedEvent;
  /** Name of the Event. */
  readonly name: string;
  /** Unix milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
}

const MAX_COUNTS = 4096;

export class EventWriter {
  readonly #client: ApiClient;
  /** Counts of existing Events by name, oldest first: a repetition then needs one request. */
  readonly #counts = new Map<string, number>();

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * One try. Rejects with ApiError; may then be called again, also if the answer was lost. Do not call it concurrently
   * for one name.
   */
  async write(pending: PendingEvent): Promise<void> {
    const known = this.#counts.get(pending.name);
    try {
      await (known === undefined ? this.#create(pending) : this.#count(pending, known));
    } catch (error) {
      if (isApiError(error, 'AlreadyExists') && !REPEATING_EVENTS.has(pending.event.reason)) return; // an earlier try got through
      if (isApiError(error, 'AlreadyExists')) {
        // An Event from before a restart: its count continues.
        const path = objectPath(EVENTS, pending.subject.namespace, pending.name);
        const existing = await this.#client.request<{ readonly count?: number }>({ method: 'GET', path });
        await this.#count(pending, existing.count ?? 1);
      } else if (isApiError(error, 'NotFound') && known !== undefined) {
        // Events expire (after an hour, by default).
        this.#counts.delete(pending.name);
        await this.#create(pending);
      } else {
        throw error;
      }
    }
  }

  async #create(pending: PendingEvent): Promise<void> {
    await this.#client.request({
      method: 'POST',
      path: collectionPath(EVENTS, pending.subject.namespace),
      query: { fieldManager: MANAGER },
      body: eventBody(pending),
      ignoresAnswer: true,
    });
    if (REPEATING_EVENTS.has(pending.event.reason)) this.#remember(pending.name, pending.count);
  }

  async #count({ subject, event, name, count, lastMs }: PendingEvent, known: number): Promise<void> {
    await this.#client.request({
      method: 'PATCH',
      path: objectPath(EVENTS, subject.namespace, name),
      query: { fieldManager: MANAGER },
      contentType: PATCH_TYPE.merge,
      body: { count: known + count, message: truncate(event.message), lastTimestamp: toTimestamp(lastMs) },
      ignoresAnswer: true,
    });
    this.#remember(name, known + count);
  }

  #remember(name: string, count: number): void {
    this.#counts.set(name, count);
    if (this.#counts.size <= MAX_COUNTS) return;
    for (const oldest of this.#counts.keys()) {
      this.#counts.delete(oldest);
      return;
    }
  }
}

function eventBody({ subject, event, name, firstMs, lastMs, count }: PendingEvent): unknown {
  const { kind, namespace, uid, resourceVersion } = subject;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: {
      apiVersion: API_VERSION,
      kind,
      namespace,
      name: subject.name,
      uid,
      resourceVersion,
    },
    type: event.type,
    reason: event.reason,
    message: truncate(event.message),
    source: { component: MANAGER },
    reportingComponent: MANAGER,
    reportingInstance: '',
    firstTimestamp: toTimestamp(firstMs),
    lastTimestamp: toTimestamp(lastMs),
    count,
  };
}
