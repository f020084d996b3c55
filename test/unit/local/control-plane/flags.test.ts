import { describe, expect, it } from '@jest/globals';
import { apiServerArgs, controllerManagerArgs, etcdArgs, parseVersion } from '../../../../local/control-plane/flags.ts';

const layout = { state: '/s', etcdPort: 1, apiServerPort: 2, controllerManagerPort: 3 };

describe('parseVersion', () => {
  it.each([
    ['Kubernetes v1.20.2\n', { text: 'v1.20.2', major: 1, minor: 20 }],
    ['Kubernetes v1.36.0-rc.1', { text: 'v1.36.0-rc.1', major: 1, minor: 36 }],
    ['no version', undefined],
  ])('reads %j', (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });
});

describe('the insecure port of the controller manager', () => {
  it.each([
    ['is closed on 1.20, which opens it otherwise', 20, true],
    ['is closed on 1.23, the last that knows the flag', 23, true],
    ['is not mentioned to 1.24, which does not start with the flag', 24, false],
    ['is not mentioned to 1.36', 36, false],
  ])('%s', (_, minor, expected) => {
    expect(controllerManagerArgs(layout, { major: 1, minor }, '/k').includes('--port=0')).toBe(expected);
  });
});

describe('all programs', () => {
  it('listen on the loopback interface only', () => {
    const all = [
      ...etcdArgs(layout),
      ...apiServerArgs(layout),
      ...controllerManagerArgs(layout, { major: 1, minor: 36 }, '/k'),
    ];
    const listening = all.filter((flag) => /^--(bind-address|listen-\w+-urls)=/.test(flag));
    expect(listening).toHaveLength(4);
    for (const flag of listening) expect(flag).toContain('127.0.0.1');
  });
});
