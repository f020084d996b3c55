import standaloneCode from 'ajv/dist/standalone/index.js';
import { expect, it } from '@jest/globals';
import { compileResourceSchema, limitErrorsInCode } from '../../../../shared/validation/ajv.ts';

/** CommonJS, whose default is seen differently by Node and by the types. */
const standalone = standaloneCode as unknown as { readonly default: typeof standaloneCode.default };

it('no validator, compiled at run time or into the release, copies its list of errors for each new one', () => {
  const { ajv, validate } = compileResourceSchema({ source: true, esm: true });
  const code = standalone.default(ajv, validate);
  expect(code).toContain('vErrors.concat(');
  expect(limitErrorsInCode(code)).not.toContain('vErrors.concat(');
  // Nor does one collect errors without end: each that is added may be the last.
  const added = limitErrorsInCode(code).match(/(?:vErrors|all)\.push\(/g) ?? [];
  const bounded = limitErrorsInCode(code).match(/if\((?:vErrors|all)\.push\(\w+\)>=256\)throw\{collected:/g) ?? [];
  expect(added.length).toBeGreaterThan(500);
  expect(bounded).toHaveLength(added.length);
});
