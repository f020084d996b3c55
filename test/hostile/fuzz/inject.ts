/**
 * Requests to the real express app without a network: the very handler that the server calls, with Node's own request
 * and response, of which only the socket is missing. Far cheaper than TLS.
 */
import { IncomingMessage, ServerResponse, type RequestListener } from 'node:http';
import { Socket } from 'node:net';

export interface Sent {
  readonly path: string;
  readonly body: Buffer;
  /** Default: what the API server sends. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const socket = new Socket();

/** Answers one request. A request without an answer never resolves: whoever asks needs a watchdog. */
export async function inject(app: RequestListener, { path, body, headers }: Sent): Promise<Answer> {
  const request = new IncomingMessage(socket);
  request.method = 'POST';
  request.url = `${path}?timeout=10s`;
  request.headers = { 'content-type': 'application/json', 'content-length': String(body.length), ...headers };
  const response = new ServerResponse(request);
  const answered = new Promise<Answer>((resolve) => {
    // On the response itself: express gives it another prototype.
    response.end = (chunk?: unknown): ServerResponse => {
      const type = String(response.getHeader('content-type') ?? '');
      resolve({ status: response.statusCode, type, body: Buffer.isBuffer(chunk) ? chunk.toString() : textOf(chunk) });
      return response;
    };
  });
  app(request, response);
  request.push(body);
  request.complete = true;
  request.push(null);
  return answered;
}

const textOf = (chunk: unknown): string => (typeof chunk === 'string' ? chunk : '');
