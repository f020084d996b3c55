const project = (name, extra = {}) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  testEnvironment: 'node',
  injectGlobals: false,
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  transformIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.demo/'],
  ...extra,
});

const LIMITS = '<rootDir>/test/support/time-limit.ts';
const long = { setupFilesAfterEnv: [LIMITS] };

const local = {
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
};

export default {
  // One worker per core (jest's default leaves one core free), because most tests mostly wait.
  maxWorkers: '100%',
  projects: [
    project('unit', { setupFilesAfterEnv: [LIMITS, '<rootDir>/test/support/properties.ts'] }),
    project('integration', { ...long, ...local }),
    project('e2e', long),
    project('faults', { ...long, ...local }),
    project('hostile', long),
    project('load', { ...long, ...local }),
    project('shells', long),
  ],
};
