/**
 * The baseline of the webhook: Node's own HTTPS server, which parses the body and returns a constant answer to an AdmissionReview,
 * and to a ConversionReview its objects as they are. A program with the files of certificate and key as arguments. It prints
 * its port and serves until it is killed.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [cert = '', key = ''] = process.argv.slice(2);

const ANSWER = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: '705ab4f5-6393-11e8-b7cc-42010a800002', allowed: true },
});

interface Review {
  readonly kind: string;
  readonly request: { readonly uid: string; readonly objects: unknown };
}

const unconverted = ({ kind, request: { uid, objects } }: Review): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind,
    response: { uid, convertedObjects: objects, result: { status: 'Success' } },
  });

const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Review | null;
    const answer = review?.kind === 'ConversionReview' ? unconverted(review) : ANSWER;
    response.writeHead(typeof review === 'object' && review !== null ? 200 : 400, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(answer),
    });
    response.end(answer);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
