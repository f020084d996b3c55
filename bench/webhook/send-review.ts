/** Sends one review over a new connection. */
import { once } from 'node:events';
import { connect } from 'node:tls';
import { requestBytes } from './reviews.ts';

/** Resolves when the server on that port of this machine has answered; rejects if the review is not allowed. */
export async function sendReview(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    socket.write(requestBytes('validate', 3));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (!answer.includes('"allowed":true')) throw new Error(`the review was not allowed: ${answer.toString()}`);
  } finally {
    socket.destroy();
  }
}
