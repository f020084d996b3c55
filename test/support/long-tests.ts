/** Tests against a real API server wait for Pods: a bound that only a hang reaches. */
import { jest } from '@jest/globals';

jest.setTimeout(120_000);
