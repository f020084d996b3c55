/** Reviews that are small as bytes and large as values. */
import { MAX_BODY_BYTES } from '../../webhook/request-body.ts';
import { container } from '../support/objects.ts';
import { admissionReview, written } from '../support/reviews.ts';

/**
 * A review that is filled up with these: with as many as there is room for, and as are parsed, if need be. A `%` in one stands for
 * four characters that are there once.
 */
export function filled(item: string, most = Infinity): string {
  const review = JSON.stringify(admissionReview({ object: written({ steps: [] }), filling: [] }));
  const room = MAX_BODY_BYTES - review.length;
  const length = item.replaceAll('%', '%%%%').length + 1;
  let ordinal = 0;
  const own = (): string => (ordinal++).toString(36).padStart(4, '0');
  const items = Array.from({ length: Math.min(Math.floor(room / length), most) }, () => item.replaceAll('%', own));
  return review.replace('"filling":[]', `"filling":[${items.join(',')}]`);
}

/** An update of an object with so many variables, and the managed fields of each: no spec has more names. */
export function densest(variables: number): string {
  const env = Array.from({ length: variables }, (_, i) => ({ name: `V${i}`, value: 'x' }));
  const known = { '.': {}, 'f:name': {}, 'f:value': {} };
  const fields = Object.fromEntries(env.map(({ name }) => [`k:${JSON.stringify({ name })}`, known]));
  const fieldsV1 = { 'f:spec': { 'f:steps': { 'k:{"name":"a"}': { 'f:env': fields } } } };
  const managedFields = [{ manager: 'kubectl', operation: 'Apply', fieldsType: 'FieldsV1', fieldsV1 }];
  const object = (image: string): object =>
    written({ suspend: true, steps: [{ ...container('a', { env }), image }] }, { name: 'etl', managedFields });
  return JSON.stringify(
    admissionReview({ operation: 'UPDATE', object: object('busybox:2'), oldObject: object('busybox:1') }),
  );
}
