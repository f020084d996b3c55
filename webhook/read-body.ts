/** Reads the bytes of a body. */
import type { IncomingMessage } from 'node:http';
import { GrowingBuffer } from '../shared/growing-buffer.ts';
import type { BodyReservation, ByteBudget, Sender } from './byte-budget.ts';

/** `evicted`: the memory was needed for other bodies. */
export type ReadProblem = 'too large' | 'no memory' | 'evicted';

export type ReadResult =
  { readonly bytes: Buffer; readonly reservation: BodyReservation } | { readonly problem: ReadProblem };

export interface ReadOptions {
  readonly maxBytes: number;
  readonly budget: ByteBudget;
  readonly sender: Sender;
}

/**
 * The whole body, with its memory reservation, which the caller must release. Resolves as soon as the body is
 * refused; the rest is read and dropped, because closing the connection would reset it before the client reads the
 * answer. Rejects only if the client disconnects.
 */
export async function readBytes(
  request: IncomingMessage,
  { maxBytes, budget, sender }: ReadOptions,
): Promise<ReadResult> {
  const body = new GrowingBuffer(Number(request.headers['content-length'] ?? maxBytes));
  return new Promise((resolve, reject) => {
    const refuse = (problem: ReadProblem): void => {
      request.off('data', onData);
      request.resume();
      reservation.release();
      body.drop();
      resolve({ problem });
    };
    const reservation = budget.reserve(sender, () => refuse('evicted'));
    const onData = (chunk: Buffer): void => {
      if (body.length + chunk.length > maxBytes) refuse('too large');
      else if (reservation.acquire(chunk.length)) body.append(chunk);
      else refuse('no memory');
    };
    const fail = (error: Error): void => {
      reservation.release();
      reject(error);
    };
    request.on('data', onData);
    request.once('end', () => resolve({ bytes: body.bytes, reservation }));
    request.once('error', fail);
    // Node emits `close` in any case; creating an error each time would cost as much as parsing the body.
    request.once('close', () => {
      if (!request.complete) fail(new Error('the client disconnected'));
    });
  });
}
