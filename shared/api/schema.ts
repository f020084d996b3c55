/**
 * The type of the schemas in a CustomResourceDefinition: the part of structural OpenAPI v3 (apiextensions.k8s.io/v1
 * `JSONSchemaProps`) that this project uses.
 */

/** The JSON value of a default in a schema. */
export type SchemaDefault =
  string | number | boolean | readonly SchemaDefault[] | { readonly [key: string]: SchemaDefault };

/**
 * One node of a structural schema. A node has a `type`, except an int-or-string, which has
 * `x-kubernetes-int-or-string` instead (apiextensions-apiserver pkg/apiserver/schema/validation.go).
 */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly format?: 'int32' | 'int64' | 'date-time';
  readonly nullable?: boolean;
  readonly default?: SchemaDefault;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic';
}
