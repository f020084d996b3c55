/** Stands between a program and the API server, and does to each request what a bad network or a bad server would. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  begin,
  forward,
  listen,
  type RequestInfo,
  requestInfoOf,
  shutDown,
  ApiServerUpstream,
} from './api-server-upstream.ts';

export interface Asked extends RequestInfo {
  readonly query: URLSearchParams;
  /** As it was sent; empty where there is none. */
  readonly body: string;
}

export interface Canned {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: unknown;
}

/** What becomes of a request. `first` is waited for before the connection is cut. */
export type Treatment =
  /** As if there were no proxy. */
  | { readonly type: 'pass' }
  /** Not sent on, and no answer. */
  | { readonly type: 'withhold'; readonly first: () => Promise<void> }
  /** Carried out, and the answer is lost. */
  | { readonly type: 'lose'; readonly first: () => Promise<void> }
  /** Not sent on, and answered so. */
  | { readonly type: 'refuse'; readonly answer: Canned }
  /** Carried out, and answered so all the same. */
  | { readonly type: 'belie'; readonly answer: Canned }
  /** Not sent on, and never answered: the connection stays open. */
  | { readonly type: 'silence' }
  /** Carried out and answered, but of the answer's body nothing arrives: a watch that shows nothing. */
  | { readonly type: 'mute' }
  /** Carried out; the connection is cut in the middle of the answer's body, or of its first part. */
  | { readonly type: 'cut' };

export interface FaultProxy {
  /** In plain HTTP. */
  readonly url: string;
  /** Asked about each request in the order of their arrival. */
  treat: (asked: Asked) => Treatment;
  close(): Promise<void>;
}

const PASS: Treatment = { type: 'pass' };

/** `kubeconfig` is that of a user with a client certificate, who then is whoever asks. */
export async function startFaultProxy(kubeconfig: string): Promise<FaultProxy> {
  const upstream = await ApiServerUpstream.of(kubeconfig);
  const server = createServer((asked, answer) => {
    void serve(asked, answer).catch(() => answer.destroy());
  });
  const serve = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await text(asked);
    const query = new URL(asked.url ?? '', 'http://server').searchParams;
    const treatment = proxy.treat({ ...requestInfoOf(asked), query, body });
    if (await withhold(treatment, answer)) return;
    const onward = upstream.ask(asked, {}, (answered) => void deliver(treatment, answered, answer));
    onward.on('error', () => answer.destroy());
    // A watch ends when the one who asked hangs up.
    answer.on('close', () => onward.destroy());
    onward.end(body);
  };
  const proxy: FaultProxy = {
    url: await listen(server),
    treat: () => PASS,
    close: async () => shutDown(server, upstream),
  };
  return proxy;
}

/** True where the request is not to be sent on. */
async function withhold(treatment: Treatment, answer: ServerResponse): Promise<boolean> {
  switch (treatment.type) {
    case 'withhold':
      await treatment.first();
      answer.destroy();
      return true;
    case 'refuse':
      say(treatment.answer, answer);
      return true;
    case 'silence':
      return true;
    case 'pass':
    case 'lose':
    case 'belie':
    case 'mute':
    case 'cut':
      return false;
  }
}

/** Gives the answer of the API server, or what is left of it. It has done by now what it was asked. */
async function deliver(treatment: Treatment, answered: IncomingMessage, answer: ServerResponse): Promise<void> {
  switch (treatment.type) {
    case 'lose':
      await treatment.first();
      answer.destroy();
      return;
    case 'belie':
      answered.resume();
      say(treatment.answer, answer);
      return;
    case 'mute':
      begin(answered, answer);
      answered.resume();
      return;
    case 'cut':
      cutShort(answered, answer);
      return;
    case 'pass':
    case 'withhold':
    case 'refuse':
    case 'silence':
      forward(answered, answer);
  }
}

function say({ status, headers, body }: Canned, answer: ServerResponse): void {
  answer.writeHead(status, { 'content-type': 'application/json', ...headers });
  answer.end(JSON.stringify(body));
}

function cutShort(answered: IncomingMessage, answer: ServerResponse): void {
  begin(answered, answer);
  answered.once('data', (chunk: Buffer) => {
    answer.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => answer.destroy());
    answered.destroy();
  });
  answered.once('end', () => answer.destroy());
}
