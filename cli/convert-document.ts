/**
 * Converts the SequentialJobs of a YAML document in place: their nodes move to where the other API version has them, so
 * that comments, quotes and the order of fields stay. Pure.
 */
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, isSeq, type Node, type Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { KIND } from '../shared/api/group.ts';
import { convert, isApiVersion } from '../shared/conversion/index.ts';
import { POLICY_JOB_FIELDS, STEP_FIELDS } from '../shared/conversion/step-settings.ts';
import { asObject } from '../shared/json/untrusted.ts';
import type { YamlDocument } from './yaml.ts';

export interface ConvertedDocument {
  /** The number of objects that were converted. */
  readonly converted: number;
  /** Whether comments were lost: the document has anchors, or a policy that names no step. */
  readonly isRewritten: boolean;
}

/**
 * Converts every SequentialJob of the document, also within lists, to `apiVersion`. The result is always that of `convert`:
 * where moving nodes would give another one, the document is written anew. `content`: the document's. Throws ConversionError.
 */
export function convertDocument(document: YamlDocument, content: unknown, apiVersion: string): ConvertedDocument {
  const wanted = convertValue(content, apiVersion);
  if (wanted.converted === 0) return { converted: 0, isRewritten: false };
  moveNodes(document.contents, apiVersion);
  const isRewritten = !isDeepStrictEqual(valueOf(document), wanted.value);
  if (isRewritten) document.contents = document.createNode(wanted.value, { aliasDuplicateObjects: false }) as never;
  return { converted: wanted.converted, isRewritten };
}

/** Undefined if the document cannot be read any more. */
function valueOf(document: YamlDocument): unknown {
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

interface Converted {
  readonly value: unknown;
  readonly converted: number;
}

/** The value with every SequentialJob converted, also within lists. */
function convertValue(value: unknown, apiVersion: string): Converted {
  const object = asObject<{ apiVersion: unknown; kind: unknown; items: unknown }>(value);
  if (object === undefined) return { value, converted: 0 };
  if (isSequentialJob(object)) {
    const isOther = object.apiVersion !== apiVersion;
    return { value: isOther ? withoutEmptyPolicies(convert(value, apiVersion)) : value, converted: isOther ? 1 : 0 };
  }
  if (!isList(object.kind) || !Array.isArray(object.items)) return { value, converted: 0 };
  const items = object.items.map((item) => convertValue(item, apiVersion));
  const converted = items.reduce((sum, one) => sum + one.converted, 0);
  return { value: { ...object, items: items.map((one) => one.value) }, converted };
}

/** In a file, an empty list of policies says no more than none. */
function withoutEmptyPolicies(object: unknown): unknown {
  const { spec, ...rest } = object as Readonly<Record<string, unknown>>;
  const { stepPolicies, ...fields } = asObject<Record<string, unknown>>(spec) ?? {};
  return Array.isArray(stepPolicies) && stepPolicies.length === 0 ? { ...rest, spec: fields } : object;
}

const isSequentialJob = ({ apiVersion, kind }: { readonly apiVersion?: unknown; readonly kind?: unknown }): boolean =>
  kind === KIND && isApiVersion(apiVersion);

const isList = (kind: unknown): boolean => kind === 'List';

function moveNodes(node: unknown, apiVersion: string): void {
  if (!isMap(node)) return;
  const [version, kind] = [node.get('apiVersion'), node.get('kind')];
  if (isSequentialJob({ apiVersion: version, kind })) {
    if (version === apiVersion) return;
    node.set('apiVersion', apiVersion);
    const spec = node.get('spec');
    if (!isMap(spec)) return;
    if (apiVersion.endsWith('/v1beta1')) moveToSteps(spec);
    else moveToPolicies(spec);
  } else if (isList(kind)) {
    const items = node.get('items');
    if (isSeq(items)) for (const item of items.items) moveNodes(item, apiVersion);
  }
}

const nameOf = (node: unknown): unknown => (isMap(node) ? node.get('name') : undefined);

const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : '');

/** The map in this field; a new one, at the end, if there is none. */
function mapIn(parent: YAMLMap, field: string): YAMLMap {
  const found = parent.get(field);
  if (isMap(found)) return found;
  const created = new YAMLMap();
  parent.set(field, created);
  return created;
}

/** Takes the pairs of these keys out of the map. */
function takePairs(map: YAMLMap, isTaken: (key: string) => boolean): readonly Pair[] {
  const taken = map.items.filter((pair) => isTaken(keyOf(pair)));
  map.items = map.items.filter((pair) => !isTaken(keyOf(pair)));
  return taken;
}

function rename(map: YAMLMap, from: string, to: string): void {
  for (const pair of map.items) if (isScalar(pair.key) && pair.key.value === from) pair.key.value = to;
}

function moveToSteps(spec: YAMLMap): void {
  rename(spec, 'containers', 'steps');
  const [policies] = takePairs(spec, (key) => key === 'stepPolicies');
  const lists = [spec.get('steps'), spec.get('finally')].filter(isSeq);
  const steps = lists.flatMap(({ items }) => items).filter(isMap);
  const list = policies?.value;
  for (const [i, policy] of (isSeq(list) ? list.items : []).entries()) {
    const step = steps.find((one) => nameOf(one) === nameOf(policy));
    // The library attaches a comment before the first item to the list.
    const comment = i === 0 && isSeq(list) ? list.commentBefore : undefined;
    if (isMap(policy) && step !== undefined) moveSettings(policy, step, policy.commentBefore ?? comment);
  }
  const [limit] = takePairs(spec, (key) => key === 'backoffLimit');
  if (limit !== undefined) mapIn(spec, 'job').items.push(limit);
}

/** Moves the fields of a policy into its step. A comment about the policy stands before the first of them. */
function moveSettings(policy: YAMLMap, step: YAMLMap, comment: string | null | undefined): void {
  const settings = takePairs(policy, (key) => key !== 'name');
  addComment(settings, comment);
  for (const pair of settings) {
    const key = keyOf(pair);
    if (POLICY_JOB_FIELDS.includes(key)) mapIn(step, 'job').items.push(pair);
    else if (key === 'job' && isMap(pair.value)) mapIn(step, 'job').items.push(...pair.value.items);
    else step.items.push(pair);
  }
}

/** A comment before the first of these pairs, unless it has one. */
function addComment([first]: readonly Pair[], comment: string | null | undefined): void {
  if (isScalar(first?.key) && comment !== undefined && comment !== null) first.key.commentBefore ??= comment;
}

function moveToPolicies(spec: YAMLMap): void {
  const policies = new YAMLSeq();
  for (const list of [spec.get('steps'), spec.get('finally')]) {
    for (const step of isSeq(list) ? list.items.filter(isMap) : []) {
      const settings = takePairs(step, (key) => STEP_FIELDS.includes(key));
      if (settings.length > 0) policies.items.push(policyOf(nameOf(step), settings));
    }
  }
  rename(spec, 'steps', 'containers');
  const job = spec.get('job');
  if (isMap(job)) {
    spec.items.push(...takePairs(job, (key) => key === 'backoffLimit'));
    if (job.items.length === 0) spec.delete('job');
  }
  if (policies.items.length > 0) spec.set('stepPolicies', policies);
}

function policyOf(name: unknown, settings: readonly Pair[]): Node {
  const policy = new YAMLMap();
  policy.set('name', new Scalar(name));
  for (const pair of settings) {
    const { value } = pair;
    if (keyOf(pair) !== 'job' || !isMap(value)) {
      policy.items.push(pair);
      continue;
    }
    const ofPolicy = takePairs(value, (key) => POLICY_JOB_FIELDS.includes(key));
    addComment(ofPolicy, value.commentBefore);
    policy.items.push(...ofPolicy);
    if (value.items.length > 0) policy.items.push(pair);
  }
  return policy;
}
