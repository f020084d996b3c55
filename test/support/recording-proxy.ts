/**
 * Stands between a program and the API server: every request is sent on in the name of one user, whom the API server then
 * judges by RBAC, and what it asked for and how it was answered is written down.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import {
  forward,
  listen,
  type RequestInfo,
  requestInfoOf,
  shutDown,
  ApiServerUpstream,
} from './api-server-upstream.ts';

export interface Seen extends RequestInfo {
  readonly status: number;
}

export interface Forbidden extends RequestInfo {
  /** In the API server's words. */
  readonly message: string;
}

export interface RecordingProxy {
  /** In plain HTTP. */
  readonly url: string;
  readonly seen: readonly Seen[];
  /** The requests that the API server forbade. */
  readonly forbidden: readonly Forbidden[];
  /** An answer for which this is true never arrives: the connection is cut after the API server has done what was asked. */
  lose: (seen: Seen) => boolean;
  close(): Promise<void>;
}

/** `kubeconfig` is that of an administrator with a client certificate, who may impersonate. */
export async function startRecordingProxy(kubeconfig: string, user: string): Promise<RecordingProxy> {
  const upstream = await ApiServerUpstream.of(kubeconfig);
  const seen: Seen[] = [];
  const forbidden: Forbidden[] = [];
  const server = createServer((asked, answer) => {
    const onward = upstream.ask(asked, { 'impersonate-user': user }, (answered) => {
      const one = { ...requestInfoOf(asked), status: answered.statusCode ?? 0 };
      seen.push(one);
      if (one.status === 403) void messageOf(answered).then((message) => forbidden.push({ ...one, message }));
      if (proxy.lose(one)) answer.destroy();
      else forward(answered, answer);
    });
    onward.on('error', () => answer.destroy());
    // A watch ends when the one who asked hangs up.
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  const proxy: RecordingProxy = {
    url: await listen(server),
    seen,
    forbidden,
    lose: () => false,
    close: async () => shutDown(server, upstream),
  };
  return proxy;
}

/** The message of a Status, which is passed on at the same time. */
async function messageOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(answer, 'close');
  return (JSON.parse(Buffer.concat(chunks).toString()) as { readonly message: string }).message;
}
