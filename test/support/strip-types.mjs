// jest transformer: Node's own type stripping, the same that runs the sources in development, so tests and program
// read the very same code. Line and column numbers are kept, which is why no source map is needed.
import { createHash } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';

export default {
  getCacheKey: (text, path) => createHash('sha256').update(process.version).update(path).update(text).digest('hex'),
  process: (text) => ({ code: stripTypeScriptTypes(text) }),
};
