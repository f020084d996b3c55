/**
 * The same random cases each time: a gate that fails by chance tells nothing of the change that it judges.
 * For others: PROPERTY_SEED=$RANDOM make test-unit
 */
import * as fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 1) });
