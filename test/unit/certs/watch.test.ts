import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { watchCertificate } from '../../../certs/watch.ts';
import { sleep } from '../../../shared/sleep.ts';
import { type Authority, createAuthority, type Pair, writePair } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { recordingLog } from '../../support/recording-log.ts';

const POLL_MS = 5;

let authority: Authority;
let first: Pair;
let second: Pair;
beforeAll(async () => {
  authority = await createAuthority();
  [first, second] = await Promise.all([authority.issue(), authority.issue()]);
});

const { log, lines } = recordingLog();
let folder: string;
let stopping: AbortController;
let seen: Pair[];
let watching: Promise<void>;

beforeEach(async () => {
  lines.splice(0);
  folder = join(await mkdtemp(join(tmpdir(), 'sequentialjob-certs-')), 'serving');
  stopping = new AbortController();
  seen = [];
});

afterEach(async () => {
  stopping.abort();
  await watching;
  await rm(join(folder, '..'), { recursive: true });
});

function watch(now?: () => number, clientCaFile?: string): void {
  const clock = now === undefined ? {} : { now };
  const options = { folder, clientCaFile, log, signal: stopping.signal, pollMs: POLL_MS, ...clock };
  watching = (async () => {
    for await (const pair of watchCertificate(options)) seen.push({ ...pair });
  })();
}

const untilSeen = async (...pairs: readonly Pair[]): Promise<void> => {
  await eventually(`${pairs.length} pairs were seen`, () => (seen.length >= pairs.length ? true : undefined), 10);
  expect(seen).toEqual(pairs);
};

const untilSaid = async (text: string): Promise<void> => {
  await eventually(`"${text}" was said`, () => (said().some((line) => line.includes(text)) ? true : undefined), 10);
};

/** Long enough for several looks: for what must not happen. */
const looks = async (): Promise<void> => sleep(20 * POLL_MS);

const said = (): readonly string[] =>
  lines.map(({ level, msg, problem }) => [level, msg, problem].filter(Boolean).join(' | ').replaceAll(folder, '…'));

/** As the kubelet mounts a Secret: the files are links to a link to a folder of their own, and that one is swapped. */
async function mount(generation: string, pair: Pair): Promise<void> {
  await writePair(join(folder, generation), pair);
  await symlink(generation, join(folder, '..data_tmp'));
  const before = await readlink(join(folder, '..data')).catch(() => undefined);
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  if (before === undefined) {
    for (const name of ['tls.crt', 'tls.key']) await symlink(join('..data', name), join(folder, name));
  } else {
    await rm(join(folder, before), { recursive: true });
  }
}

describe('watchCertificate', () => {
  it('emits the existing pair, and then nothing until it changes', async () => {
    await writePair(folder, first);
    watch();
    await untilSeen(first);
    await looks();
    expect(seen).toHaveLength(1);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'info',
        msg: 'certificate loaded',
        folder,
        names: expect.stringContaining('DNS:localhost'),
        notAfter: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        fingerprint: expect.stringMatching(/^[0-9A-F:]{95}$/),
      }),
    ]);
  });

  it('waits for missing files, and logs that once', async () => {
    watch();
    await looks();
    expect(seen).toEqual([]);
    expect(said()).toEqual([
      expect.stringMatching(/^warn \| waiting for the serving certificate \| ENOENT.*…\/tls\.(crt|key)/),
    ]);
    await writePair(folder, first);
    await untilSeen(first);
  });

  it.each(['cert', 'key'] as const)(
    'keeps the old pair while only the new %s is there, and says so once',
    async (name) => {
      await writePair(folder, first);
      watch();
      await untilSeen(first);
      await writePair(folder, { [name]: second[name] });
      await untilSaid('keeping the old one');
      await looks();
      expect(seen).toEqual([first]);
      expect(said().slice(1)).toEqual([
        'warn | the new serving certificate cannot be used yet, keeping the old one | the key in tls.key does not belong to the certificate in tls.crt',
      ]);
      await writePair(folder, second);
      await untilSeen(first, second);
      expect(said().at(-1)).toBe('info | certificate reloaded');
    },
  );

  it('detects each swap of the symbolic link of a mounted Secret', async () => {
    await mount('..2026_1', first);
    watch();
    await untilSeen(first);
    await mount('..2026_2', second);
    await untilSeen(first, second);
    await mount('..2026_3', first);
    await untilSeen(first, second, first);
  });

  it('keeps the old pair if the files are removed, and emits the new one when they are back', async () => {
    await writePair(folder, first);
    watch();
    await untilSeen(first);
    await rm(folder, { recursive: true });
    await untilSaid('keeping the old one');
    await writePair(folder, second);
    await untilSeen(first, second);
  });

  it('does not emit an unchanged pair again', async () => {
    await writePair(folder, first);
    watch();
    await untilSeen(first);
    await writePair(folder, { cert: 'broken' });
    await untilSaid('are not a certificate and its key');
    await writePair(folder, first);
    await looks();
    expect(seen).toEqual([first]);
  });

  it('emits an expired certificate, with a warning', async () => {
    await writePair(folder, first);
    watch(() => Date.parse('2126-01-01T00:00:00Z'));
    await untilSeen(first);
    expect(said()).toEqual(['warn | certificate loaded']);
  });

  it.each([
    ['an empty file', { cert: '' }],
    ['a key where the certificate should be', 'swap'],
    ['a chain of which the second part is broken', 'chain'],
  ] as const)('does not give %s', async (_what, change) => {
    const swapped = { cert: first.key, key: first.cert };
    const chained = { ...first, cert: `${first.cert}\n-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n` };
    await writePair(folder, change === 'swap' ? swapped : change === 'chain' ? chained : { ...first, ...change });
    watch();
    await untilSaid('waiting for the serving certificate');
    expect(seen).toEqual([]);
  });

  it('never logs the key', async () => {
    await mkdir(folder);
    await writeFile(join(folder, 'tls.crt'), first.cert);
    await writeFile(join(folder, 'tls.key'), first.key.replace('PRIVATE', 'PRIVATE SECRET'));
    watch();
    await untilSaid('waiting for the serving certificate');
    expect(JSON.stringify(lines)).not.toMatch(/SECRET|[A-Za-z0-9+/]{60}/);
  });
});

describe('the CA for client certificates', () => {
  let file: string;
  beforeEach(() => {
    file = join(folder, '..', 'client-ca.crt');
  });

  it('is waited for and reloaded like the certificate', async () => {
    const other = await createAuthority();
    await writePair(folder, first);
    watch(undefined, file);
    await untilSaid('waiting for the serving certificate | ENOENT');
    expect(seen).toEqual([]);
    await writeFile(file, authority.ca);
    await untilSeen({ ...first, clientCa: authority.ca.trim() } as Pair);
    await writeFile(file, `# both, without an end of line between them\n${authority.ca.trim()}${other.ca.trim()}`);
    const both = `${authority.ca.trim()}\n${other.ca.trim()}`;
    await untilSeen(seen[0] as Pair, { ...first, clientCa: both } as Pair);
    await untilSaid('info | certificate reloaded');
    expect(lines.at(-1)?.['clientAuthorities']).toHaveLength(2);
  });

  it.each([
    ['nothing', '', 'the client CA file has no certificate'],
    ['no certificate', 'garbage', 'the client CA file has no certificate'],
    ['half of one', '-----BEGIN CERTIFICATE-----\nMIIB', 'the client CA file is invalid: '],
  ])('that is %s does not replace the previous one', async (_what, content, problem) => {
    await writePair(folder, first);
    await writeFile(file, authority.ca);
    watch(undefined, file);
    await untilSeen({ ...first, clientCa: authority.ca.trim() } as Pair);
    await writeFile(file, content);
    await untilSaid(problem);
    expect(seen).toHaveLength(1);
    await rm(file);
    await untilSaid('ENOENT');
    expect(seen).toHaveLength(1);
    expect(said().filter((line) => line.startsWith('warn'))).toHaveLength(2);
  });

  it('that has expired is used, with a warning', async () => {
    const old = await createAuthority();
    // Both are valid for as long, in whole seconds.
    await sleep(1_100);
    const pair = await authority.issue();
    const [ends, later] = [old.ca, pair.cert].map((pem) => Date.parse(new X509Certificate(pem).validTo));
    expect(later).toBeGreaterThan(ends ?? Infinity);
    await writePair(folder, pair);
    await writeFile(file, old.ca);
    watch(() => (ends ?? 0) + 1, file);
    await untilSaid('warn | certificate loaded');
  });
});
