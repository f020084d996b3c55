/** Writes the answers of the webhook. */
import type { ServerResponse } from 'node:http';
import type { Log } from '../shared/log.ts';

export const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' } as const;

const TEXT_HEADERS = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' } as const;

export const sendText = (response: ServerResponse, status: number, message: string): void =>
  send(response, status, TEXT_HEADERS, `${message}\n`);

type Headers = Readonly<Record<string, string>>;

/** Node sets the content length, and leaves the body out of the answer to HEAD. */
export function send(response: ServerResponse, status: number, headers: Headers, body: string): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

/** Unexpected errors: 500 to the client, details to the log. */
export function respondInternalError(error: unknown, response: ServerResponse, log: Log): void {
  if (response.headersSent || response.destroyed || response.req.socket.destroyed) {
    log.debug({ err: error }, 'client disconnected');
    response.destroy();
    return;
  }
  log.error({ err: error }, 'request failed');
  sendText(response, 500, 'internal error');
}

/** Refuses a method, and names those that are allowed. */
export function methodNotAllowed(response: ServerResponse, methods: readonly string[]): void {
  response.setHeader('allow', methods.join(', '));
  sendText(response, 405, `the method must be ${methods.join(' or ')}`);
}
