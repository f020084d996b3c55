/** What is done to a request. */
import { type Reply, statusOf, type Treatment } from '../../support/api-server-proxy.ts';

export interface Injection {
  readonly says: (request: string) => string;
  /** The process is killed by it; in any other case it has to continue by itself. */
  readonly kills: boolean;
  /** False where no server would ever do that to such a request. */
  readonly suits: (kind: string) => boolean;
  /** `kill` kills the controller. */
  readonly treatment: (kill: () => Promise<void>) => Treatment;
}

const reply = (status: number, reason: string, message: string, headers: Reply['headers'] = {}): Reply => ({
  status,
  headers,
  body: statusOf(status, reason, message),
});

const BROKEN = reply(500, 'InternalError', 'Internal error occurred: etcdserver: request timed out');
const BUSY = reply(429, 'TooManyRequests', 'Too many requests, please try again later.', { 'retry-after': '1' });
/** As an update with an old version is refused, and a create when the quota that it counts against has just changed. */
const CONFLICT = reply(
  409,
  'Conflict',
  'Operation cannot be fulfilled: please apply your changes to the latest version',
);

const any = (): boolean => true;
const changes = (kind: string): boolean => !/^(GET|LIST|WATCH) /.test(kind);

/** `*` stands for the request. */
const ROWS: readonly (readonly [says: string, suits: (kind: string) => boolean, treatment: Injection['treatment']])[] =
  [
    ['kills the controller before * is sent', any, (kill) => ({ type: 'withhold', first: kill })],
    ['kills the controller before the answer to *', any, (kill) => ({ type: 'lose', first: kill })],
    ['answers 500 to *', any, () => ({ type: 'refuse', answer: BROKEN })],
    ['answers 429 with Retry-After to *', any, () => ({ type: 'refuse', answer: BUSY })],
    ['answers 409 to *', changes, () => ({ type: 'refuse', answer: CONFLICT })],
    ['never answers *', any, () => ({ type: 'silence' })],
    ['carries out * and answers 500', changes, () => ({ type: 'belie', answer: BROKEN })],
    ['cuts the connection in the middle of the answer to *', any, () => ({ type: 'cut' })],
  ];

export const INJECTIONS: readonly Injection[] = ROWS.map(([says, suits, treatment]) => ({
  says: (request) => says.replace('*', request),
  kills: says.startsWith('kills'),
  suits,
  treatment,
}));
