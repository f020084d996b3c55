import standaloneCode from 'ajv/dist/standalone/index.js';
import { expect, it } from '@jest/globals';
import { compileResourceSchema, withLinearErrors } from '../../../../shared/validation/ajv.ts';

/** CommonJS, whose default is seen differently by Node and by the types. */
const standalone = standaloneCode as unknown as { readonly default: typeof standaloneCode.default };

it('no validator, compiled here or into the release, copies its errors for each new one', () => {
  const { ajv, validate } = compileResourceSchema({ source: true, esm: true });
  const code = standalone.default(ajv, validate);
  expect(code).toContain('vErrors.concat(');
  expect(withLinearErrors(code)).not.toContain('vErrors.concat(');
  expect(withLinearErrors(code)).toContain('.reduce((all, one) => (all.push(one), all), vErrors)');
});
