/** The time limit of each test: a bound that only a hang reaches, also on a machine with other work. No test measures time. */
import { jest } from '@jest/globals';

jest.setTimeout(120_000);
