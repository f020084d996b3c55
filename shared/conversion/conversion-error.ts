/** An object that cannot be converted. The message begins with the path of the field, in the version of the object. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
}
