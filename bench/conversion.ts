/** CPU and time of conversions between API versions, compared with a server that parses the objects and sends them back. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { API_VERSION, V1ALPHA1_API_VERSION } from '../shared/api/group.ts';
import { convert } from '../shared/conversion/index.ts';
import { CONVERT_PATH } from '../webhook/app.ts';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { alternate, compare, formatRatio } from './comparison.ts';
import { sequentialJob } from './webhook/reviews.ts';
import { type ComparedServers, type MeasuredServer, withServers } from './webhook/servers.ts';

interface Case {
  readonly label: string;
  readonly objects: number;
  readonly steps: number;
  /** Reviews in one measurement. */
  readonly reviews: number;
}

const CASES: readonly Case[] = [
  { label: 'one object of 3 steps', objects: 1, steps: 3, reviews: 2000 },
  { label: 'one object of 100 steps', objects: 1, steps: 100, reviews: 200 },
  { label: 'a list of 10,000 objects of 3 steps', objects: 10_000, steps: 3, reviews: 1 },
];
const PAIRS = 6;

interface Measurement {
  readonly msPerReview: number;
  readonly cpuMsPerReview: number;
}

function reviewOf({ objects, steps }: Case): Buffer {
  const object = convert(sequentialJob('validate', steps), V1ALPHA1_API_VERSION);
  const review = {
    kind: 'ConversionReview',
    apiVersion: 'apiextensions.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      desiredAPIVersion: API_VERSION,
      objects: Array.from({ length: objects }, () => object),
    },
  };
  return Buffer.from(JSON.stringify(review));
}

/** Sends a review and reads the whole answer. Rejects if it is not 200. */
async function send(body: Buffer, port: number, agent: Agent): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const asking = request({ host: '127.0.0.1', port, agent, method: 'POST', path: CONVERT_PATH, headers });
  const answered = once(asking, 'response') as Promise<[IncomingMessage]>;
  asking.end(body);
  const [response] = await answered;
  if (response.statusCode !== 200) throw new Error(`the conversion was answered with ${response.statusCode}`);
  response.resume();
  await once(response, 'end');
}

/** One review after the other over one connection. */
async function measure({ process, port }: MeasuredServer, body: Buffer, reviews: number): Promise<Measurement> {
  // The benchmark issued the certificate itself, so there is no need to verify it.
  const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
  try {
    await send(body, port, agent);
    const [cpuBefore, started] = [await process.cpuMs(), performance.now()];
    for (let i = 0; i < reviews; i++) await send(body, port, agent);
    const ms = performance.now() - started;
    return { msPerReview: ms / reviews, cpuMsPerReview: ((await process.cpuMs()) - cpuBefore) / reviews };
  } finally {
    agent.destroy();
  }
}

export const conversion: Benchmark = {
  name: 'conversion',
  title: 'Conversion between API versions',
  description:
    'ConversionReviews from v1alpha1 to v1beta1 of objects with about 1 KB per step, one after the other over one TLS ' +
    'connection. Ours is the release bundle. The baseline is a plain `node:https` server with the same Node and options, which ' +
    'parses the body and sends the objects back as they are. Both are measured alternately (A B B A …); a ratio is the ' +
    'median over neighboring measurements, with the extremes in parentheses.',
  run: async (options) => withServers(async (servers) => measureAll(servers, options)),
};

async function measureAll({ ours, baseline }: ComparedServers, { smoke, log }: BenchmarkOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const one of CASES) {
    log(one.label);
    const body = reviewOf(smoke ? { ...one, objects: Math.min(one.objects, 10) } : one);
    const reviews = smoke ? 1 : one.reviews;
    const pairs = await alternate(smoke ? 1 : PAIRS, {
      ours: async () => measure(ours, body, reviews),
      baseline: async () => measure(baseline, body, reviews),
    });
    const time = compare(pairs, ({ msPerReview }) => msPerReview);
    const cpu = compare(pairs, ({ cpuMsPerReview }) => cpuMsPerReview);
    rows.push(rowOf(`${one.label}: time`, time), rowOf(`${one.label}: CPU`, cpu));
  }
  rows.push({ label: 'resident memory after the list', ours: await rssOf(ours), baseline: await rssOf(baseline) });
  return rows;
}

const rssOf = async ({ process }: MeasuredServer): Promise<string> => `${Math.round(await process.rssMb())} MB`;

function rowOf(label: string, comparison: ReturnType<typeof compare>): Row {
  const format = (ms: number): string => (ms < 10 ? `${ms.toFixed(2)} ms` : `${Math.round(ms)} ms`);
  return {
    label,
    ours: format(comparison.ours),
    baseline: format(comparison.baseline),
    ratio: formatRatio(comparison),
  };
}
