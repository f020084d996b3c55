/** A connection that a test looks into. */
import type { ApiClient, ApiRequest } from '../../shared/kube/client.ts';

/** The same connection, but each request goes through `handle`, which calls `send` to have it sent. */
export function intercept(
  client: ApiClient,
  handle: (request: ApiRequest, send: () => Promise<unknown>) => Promise<unknown>,
): ApiClient {
  return {
    server: client.server,
    request: async <T>(request: ApiRequest) => (await handle(request, () => client.request(request))) as T,
    stream: (request) => client.stream(request),
    close: () => client.close(),
  };
}
