/** What is done to a request. */
import type { Canned, Treatment } from '../../support/fault-proxy.ts';

export interface Injection {
  readonly says: (request: string) => string;
  /** The process dies of it; in any other case it has to go on by itself. */
  readonly kills: boolean;
  /** Whether the API server does what it was asked. */
  readonly isDone: boolean;
  /** False where no server would ever do that to such a request. */
  readonly suits: (kind: string) => boolean;
  /** `kill`: ends the controller as a crash does. */
  readonly treatment: (kill: () => Promise<void>) => Treatment;
}

function status(code: number, reason: string, message: string): Canned {
  return { status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message } };
}

const BROKEN = status(500, 'InternalError', 'Internal error occurred: etcdserver: request timed out');
const BUSY = status(429, 'TooManyRequests', 'Too many requests, please try again later.');
/** As an update with an old version is refused, and a create when the quota that it counts against has just changed. */
const CONFLICT = status(
  409,
  'Conflict',
  'Operation cannot be fulfilled: please apply your changes to the latest version',
);

const always = (): boolean => true;
const changes = (kind: string): boolean => !/^(GET|LIST|WATCH) /.test(kind);

export const INJECTIONS: readonly Injection[] = [
  {
    says: (request) => `kills the controller before ${request} is sent`,
    kills: true,
    isDone: false,
    suits: always,
    treatment: (kill) => ({ type: 'withhold', first: kill }),
  },
  {
    says: (request) => `kills the controller before the answer to ${request}`,
    kills: true,
    isDone: true,
    suits: always,
    treatment: (kill) => ({ type: 'lose', first: kill }),
  },
  {
    says: (request) => `answers 500 to ${request}`,
    kills: false,
    isDone: false,
    suits: always,
    treatment: () => ({ type: 'refuse', answer: BROKEN }),
  },
  {
    says: (request) => `answers 429 with Retry-After to ${request}`,
    kills: false,
    isDone: false,
    suits: always,
    treatment: () => ({ type: 'refuse', answer: { ...BUSY, headers: { 'retry-after': '1' } } }),
  },
  {
    says: (request) => `answers 409 to ${request}`,
    kills: false,
    isDone: false,
    suits: changes,
    treatment: () => ({ type: 'refuse', answer: CONFLICT }),
  },
  {
    says: (request) => `never answers ${request}`,
    kills: false,
    isDone: false,
    suits: always,
    treatment: () => ({ type: 'silence' }),
  },
  {
    says: (request) => `carries out ${request} and answers 500`,
    kills: false,
    isDone: true,
    suits: changes,
    treatment: () => ({ type: 'belie', answer: BROKEN }),
  },
  {
    says: (request) => `cuts the connection in the middle of the answer to ${request}`,
    kills: false,
    isDone: true,
    suits: always,
    treatment: () => ({ type: 'cut' }),
  },
];
