/**
 * The same random cases each time: a gate that fails by chance tells nothing of the change that it judges.
 * For others: SEED=$RANDOM make test-unit
 */
import * as fc from 'fast-check';
import { SEED } from './share.ts';

fc.configureGlobal({ seed: SEED });
