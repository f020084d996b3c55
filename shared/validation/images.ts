/**
 * Image references, by the grammar of the distribution project's reference package (reference.go, normalize.go), which
 * the container runtimes use. Kubernetes itself accepts any text and reports `InvalidImageName` when a Pod starts; a
 * sequence says it at once. The text is cut at its separators first, so no pattern sees more than one component.
 */
import { invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { memoize } from '../memoize.ts';

export interface ImageReference {
  /** The repository, with the registry's host where there is one. */
  readonly name: string;
  readonly tag?: string;
  readonly digest?: string;
}

export type ParsedImage = ImageReference | { readonly problem: string };

const FORMAT = 'invalid reference format';

/** The longest repository name (reference.go NameTotalLengthMax). */
const NAME_LENGTH = 255;

/** More than name, tag and digest together can have. */
const TOTAL_LENGTH = 1024;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*):([0-9a-fA-F]{32,})$/;
const IDENTIFIER = /^[a-f0-9]{64}$/;

/** Hexadecimal digits by algorithm (opencontainers/go-digest algorithm.go). */
const DIGEST_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/** Takes a reference apart. Never throws. */
export const parseImage = memoize((image: string): ParsedImage => {
  if (image.length > TOTAL_LENGTH || IDENTIFIER.test(image)) {
    return { problem: FORMAT };
  }
  const at = image.indexOf('@');
  const rest = at === -1 ? image : image.slice(0, at);
  const digest = at === -1 ? undefined : image.slice(at + 1);
  const colon = rest.indexOf(':', rest.lastIndexOf('/') + 1);
  const name = colon === -1 ? rest : rest.slice(0, colon);
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  const problem =
    nameProblem(name) ??
    (tag === undefined || TAG.test(tag) ? undefined : FORMAT) ??
    (digest === undefined ? undefined : digestProblem(digest));
  return problem === undefined
    ? { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
    : { problem };
});

/** The first component is a registry's host where it can't be a part of a repository on the default registry. */
const isHost = (component: string): boolean =>
  /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();

function nameProblem(name: string): string | undefined {
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
  return name.length > NAME_LENGTH ? `repository name must not be more than ${NAME_LENGTH} characters` : undefined;
}

function digestProblem(digest: string): string | undefined {
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

/** The image of a container: set (core only asks that of Pods, not of templates), without blanks around it, parseable. */
export function imageFaults(image: string | undefined, container: Path, faults: FieldErrors): void {
  if (image === undefined) {
    faults.push(required(container.child('image')));
  } else if (image !== image.trim()) {
    faults.push(invalid(container.child('image'), image, 'must not have leading or trailing whitespace'));
  } else {
    const parsed = parseImage(image);
    if ('problem' in parsed) {
      faults.push(invalid(container.child('image'), image, parsed.problem));
    }
  }
}
