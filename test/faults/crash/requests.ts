/** Names for the controller's requests that are the same in every run, in whatever order concurrent ones arrive. */
import { LABELS } from '../../../shared/api/group.ts';
import type { ProxyRequest } from '../../support/api-server-proxy.ts';

export interface NamedRequest {
  /** `POST jobs`, `POST jobs (dry run)`, `PATCH sequentialjobs/status`, `POST events JobStarted`, `WATCH pods`. */
  readonly kind: string;
  /** The sequence that it is for; undefined where it is for none in particular. */
  readonly sequence: string | undefined;
}

/** The parts of a body that are read. */
interface Body {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
  readonly involvedObject?: { readonly name: string };
  readonly reason?: string;
}

const METHODS: Readonly<Record<string, string>> = {
  create: 'POST',
  patch: 'PATCH',
  update: 'PUT',
  delete: 'DELETE',
  get: 'GET',
  list: 'LIST',
  watch: 'WATCH',
};

/** `uids`: the sequences by UID. Their names have no dash: whatever has one of them before its first dash or dot is theirs, and a claim that has one behind it. */
export function nameRequest(asked: ProxyRequest, uids: ReadonlyMap<string, string>): NamedRequest {
  const { verb, resource } = asked;
  const body = verb === 'create' ? (JSON.parse(asked.body) as Body) : {};
  const reason = body.involvedObject === undefined ? '' : ` ${body.reason ?? ''}`;
  const dryRun = asked.query.has('dryRun') ? ' (dry run)' : '';
  const kind = `${METHODS[verb] ?? verb} ${resource.slice(resource.indexOf('/') + 1)}${reason}${dryRun}`;
  return { kind, sequence: sequenceOf(asked, body, uids) };
}

function sequenceOf(
  { name, resource, query }: ProxyRequest,
  body: Body,
  uids: ReadonlyMap<string, string>,
): string | undefined {
  const named = body.involvedObject?.name ?? body.metadata?.labels?.[LABELS.name];
  if (named !== undefined) return named;
  const uid = new RegExp(`${LABELS.uid}=([^,]+)`).exec(query.get('labelSelector') ?? '')?.[1];
  // A claim is named after its template and the sequence.
  if (resource.endsWith('/persistentvolumeclaims')) return name?.slice(name.indexOf('-') + 1);
  return uid === undefined ? /^[^-.]+/.exec(name ?? '')?.[0] : uids.get(uid);
}
