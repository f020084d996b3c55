/**
 * Image references, by the grammar of the distribution project's reference package (reference.go, normalize.go),
 * which container runtimes use. Kubernetes accepts any text and reports `InvalidImageName` when the Pod starts; this
 * validation reports it at once. The text is first split at its separators, so that each pattern matches one
 * component only.
 */
import { invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { memoize } from '../memoize.ts';

export interface ImageReference {
  /** The repository, with the registry's host if there is one. */
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

export type ParsedImage = ImageReference | { readonly problem: string };

const FORMAT = 'invalid reference format';

/** Maximum length of a repository name (reference.go NameTotalLengthMax). */
const MAX_NAME_LENGTH = 255;

/** More than the maximum length of name, tag and digest together. */
const MAX_LENGTH = 1024;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})$/;
const IMAGE_ID = /^[a-f0-9]{64}$/;

/** Number of hexadecimal digits by algorithm (opencontainers/go-digest algorithm.go). */
const DIGEST_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/** Parses an image reference. Never throws. */
export const parseImage = memoize((image: string): ParsedImage => {
  if (image.length > MAX_LENGTH || IMAGE_ID.test(image)) {
    return { problem: FORMAT };
  }
  const at = image.indexOf('@');
  const rest = at === -1 ? image : image.slice(0, at);
  const digest = at === -1 ? undefined : image.slice(at + 1);
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  const name = colon === -1 ? rest : rest.slice(0, colon);
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  const problem =
    findNameProblem(name) ??
    (tag === undefined || TAG.test(tag) ? undefined : FORMAT) ??
    (digest === undefined ? undefined : findDigestProblem(digest));
  return problem === undefined
    ? { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
    : { problem };
});

/**
 * Whether the first component is a registry's host, because it cannot be part of a repository name on the default
 * registry.
 */
const isHost = (component: string): boolean =>
  /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();

function findNameProblem(name: string): string | undefined {
  const slash = name.indexOf('/');
  const host = slash !== -1 && isHost(name.slice(0, slash)) ? name.slice(0, slash) : undefined;
  const path = host === undefined ? name : name.slice(slash + 1);
  if (host !== undefined && !HOST.test(host)) {
    return FORMAT;
  }
  const components = path.split('/');
  if (!components.every((component) => COMPONENT.test(component))) {
    return components.every((component) => COMPONENT.test(component.toLowerCase()))
      ? `${FORMAT}: repository name (${path}) must be lowercase`
      : FORMAT;
  }
  return name.length > MAX_NAME_LENGTH
    ? `repository name must not be more than ${MAX_NAME_LENGTH} characters`
    : undefined;
}

function findDigestProblem(digest: string): string | undefined {
  const [, algorithm = '', hex = ''] = DIGEST.exec(digest) ?? [];
  if (hex === '') {
    return FORMAT;
  }
  const length = DIGEST_LENGTHS.get(algorithm);
  if (length === undefined) {
    return 'unsupported digest algorithm';
  }
  return hex.length === length && hex === hex.toLowerCase() ? undefined : 'invalid checksum digest length';
}

/**
 * Validates the image of a container: it must be set (Kubernetes requires that only in Pods, not in templates),
 * parseable and without surrounding whitespace.
 */
export function validateImage(image: string | undefined, container: Path, errors: FieldErrors): void {
  if (image === undefined) {
    errors.push(required(container.child('image')));
  } else if (image !== image.trim()) {
    errors.push(invalid(container.child('image'), image, 'must not have leading or trailing whitespace'));
  } else {
    const parsed = parseImage(image);
    if ('problem' in parsed) {
      errors.push(invalid(container.child('image'), image, parsed.problem));
    }
  }
}
