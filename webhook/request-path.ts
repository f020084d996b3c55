import type { IncomingMessage } from 'node:http';

/** The path without the query: the API server adds `?timeout=5s`, which the webhook does not read. */
export function pathOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
