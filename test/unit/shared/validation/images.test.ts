import { expect, test } from '@jest/globals';
import { parseImage } from '../../../../shared/validation/images.ts';

const SHA = 'a'.repeat(64);
const FORMAT = 'invalid reference format';

test.each([
  ['busybox', { name: 'busybox' }],
  ['busybox:1.36', { name: 'busybox', tag: '1.36' }],
  ['library/busybox:latest', { name: 'library/busybox', tag: 'latest' }],
  ['localhost/a', { name: 'localhost/a' }],
  ['localhost:5000/a:b', { name: 'localhost:5000/a', tag: 'b' }],
  [
    'registry.example.com:443/team/app_x/y__z/a-b--c.d:v1',
    { name: 'registry.example.com:443/team/app_x/y__z/a-b--c.d', tag: 'v1' },
  ],
  ['[::1]:5000/a', { name: '[::1]:5000/a' }],
  ['Registry.Example.com/a', { name: 'Registry.Example.com/a' }],
  [`a@sha256:${SHA}`, { name: 'a', digest: `sha256:${SHA}` }],
  [`a:b@sha256:${SHA}`, { name: 'a', tag: 'b', digest: `sha256:${SHA}` }],
])('%s is a reference', (image, parsed) => expect(parseImage(image)).toEqual(parsed));

test.each([
  ['a tag without a name', ':latest', FORMAT],
  ['an empty tag', 'a:', FORMAT],
  ['a tag with a slash', 'a:b/c', FORMAT],
  ['a tag that is too long', `a:${'b'.repeat(129)}`, FORMAT],
  ['an upper-case repository', 'example.com/Team/App', `${FORMAT}: repository name (Team/App) must be lowercase`],
  ['an empty component', 'a//b', FORMAT],
  ['a trailing slash', 'a/', FORMAT],
  ['a scheme', 'https://example.com/a', FORMAT],
  ['three underscores', 'a___b', FORMAT],
  ['a bad host', '-a.com/b', FORMAT],
  ['a short digest', 'a@sha256:abcd', FORMAT],
  ['a digest of the wrong length', `a@sha256:${'a'.repeat(63)}`, 'invalid checksum digest length'],
  ['a digest of an unknown algorithm', `a@md5:${'a'.repeat(32)}`, 'unsupported digest algorithm'],
  ['two digests', `a@sha256:${SHA}@sha256:${SHA}`, FORMAT],
  ['a bare identifier', SHA, FORMAT],
  ['a name that is too long', `${'a/'.repeat(128)}a`, 'repository name must not be more than 255 characters'],
  ['a variable', '${IMAGE}', FORMAT],
  ['a line break', 'a\n', FORMAT],
])('%s is rejected', (_sentence, image, problem) => expect(parseImage(image)).toEqual({ problem }));

test('a malicious text is parsed in linear time', () => {
  const start = performance.now();
  for (const part of ['a', 'a.', 'a-', 'a_', 'a/', 'a:', '-', 'a--']) {
    parseImage(`${part.repeat(1_000_000)}!`);
    parseImage(`${part.repeat(300)}!`);
  }
  expect(performance.now() - start).toBeLessThan(500);
});
