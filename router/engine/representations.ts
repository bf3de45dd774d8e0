import type { FetchDataRewrite, QueryPlanSelectionNode } from '@apollo/query-planner'
import type { GraphQLSchema } from 'graphql'
import { Failure } from './failure.ts'
import { quote } from './leaf.ts'
import { isData, merge, type Data } from './merge.ts'
import { applyRewrites, isOfType } from './rewrites.ts'

/**
 * The JSON of what a subgraph needs of an object to find or compute its own part of it; undefined when some of it was
 * never fetched; the failure that kept it from being fetched, when that is known.
 */
export type Represent = (object: Data) => string | Failure | undefined

interface Field {
  key: string
  /** What stands before its value: the name, and whatever else is the same for all objects of a type. */
  before: string
  nested: Represent | undefined
}

interface Fields {
  fields: readonly Field[]
  after: string
  /** What was written by the value of the one field there is, as with most keys: the same few come again and again. */
  written: Map<unknown, string> | undefined
}

const MAX_WRITTEN = 1_000

export function compileRepresentation(
  schema: GraphQLSchema,
  selections: readonly QueryPlanSelectionNode[],
  rewrites: readonly FetchDataRewrite[] = [],
): Represent {
  const write = compileSelections(schema, selections)
  const represent: Represent = (object) => {
    const text = write(object)
    // Nothing of it applies to an object of another type.
    if (text === '{}') return undefined
    if (text !== undefined) return text
    const there = partsOf(schema, selections, object)
    return there?.__typename ? JSON.stringify(there) : undefined
  }
  if (rewrites.length === 0) return represent
  return (object) => {
    const text = represent(object)
    if (typeof text !== 'string') return text
    const representation: unknown = JSON.parse(text)
    applyRewrites(schema, rewrites, representation)
    return JSON.stringify(representation)
  }
}

function compileSelections(schema: GraphQLSchema, selections: readonly QueryPlanSelectionNode[]): Represent {
  const byType = new Map<unknown, Fields>()
  return (object) => {
    const typename = object.__typename
    let fields = byType.get(typename)
    if (!fields) byType.set(typename, (fields = fieldsOf(schema, selections, typename)))
    return fields.written ? writeKnown(fields, fields.written, object) : writeFields(fields, object)
  }
}

function writeKnown(fields: Fields, written: Map<unknown, string>, object: Data): string | Failure | undefined {
  const { key } = fields.fields[0]!
  const value = Object.hasOwn(object, key) ? object[key] : undefined
  const known = written.get(value)
  if (known !== undefined) return known
  const text = writeFields(fields, object)
  // Objects are equal by what is in them, and that may change.
  if (typeof text !== 'string' || typeof value === 'object') return text
  if (written.size >= MAX_WRITTEN) written.clear()
  written.set(value, text)
  return text
}

/** The fields of all the fragments that apply to a type, each once. */
function fieldsOf(schema: GraphQLSchema, selections: readonly QueryPlanSelectionNode[], typename: unknown): Fields {
  const merged = new Map<string, QueryPlanSelectionNode[] | undefined>()
  const collect = (selection: QueryPlanSelectionNode): void => {
    if (selection.kind === 'Field') {
      const key = selection.alias ?? selection.name
      const below = selection.selections && [...(merged.get(key) ?? []), ...selection.selections]
      merged.set(key, below)
    } else if (selection.typeCondition && typeof typename === 'string') {
      if (isOfType(schema, { __typename: typename }, selection.typeCondition)) selection.selections.forEach(collect)
    }
  }
  selections.forEach(collect)
  const fields: Field[] = []
  let before = '{'
  for (const [index, [key, below]] of [...merged].entries()) {
    before += `${index === 0 ? '' : ','}${JSON.stringify(key)}:`
    if (key === '__typename' && typeof typename === 'string') {
      before += JSON.stringify(typename)
    } else {
      fields.push({ key, before, nested: below && compileSelections(schema, below) })
      before = ''
    }
  }
  const isSimple = fields.length === 1 && !fields[0]!.nested
  return { fields, after: `${before}}`, written: isSimple ? new Map() : undefined }
}

function writeFields({ fields, after }: Fields, object: Data): string | Failure | undefined {
  let text = ''
  for (const { key, before, nested } of fields) {
    const value = Object.hasOwn(object, key) ? object[key] : undefined
    if (value === undefined) return undefined
    if (value instanceof Failure && !value.isNull) return value
    text += before + (nested ? writeNested(nested, value) : writeLeaf(value))
  }
  return text + after
}

function writeLeaf(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  return value instanceof Failure ? 'null' : JSON.stringify(value)
}

function writeNested(nested: Represent, value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => writeNested(nested, item)).join(',')}]`
  const part = isData(value) ? nested(value) : null
  return typeof part === 'string' ? part : 'null'
}

/**
 * What there is of an object that lacks something: each fragment that is whole. What was skipped is missing, and nobody
 * needs it.
 */
function partsOf(schema: GraphQLSchema, selections: readonly QueryPlanSelectionNode[], object: Data): Data | undefined {
  const parts: Data = {}
  for (const selection of selections) {
    if (selection.kind === 'InlineFragment') {
      const { typeCondition, selections: below } = selection
      if (!typeCondition || typeof object.__typename !== 'string' || !isOfType(schema, object, typeCondition)) continue
      merge(parts, partsOf(schema, below, object) ?? {})
      continue
    }
    const key = selection.alias ?? selection.name
    const value = Object.hasOwn(object, key) ? object[key] : undefined
    if (value === undefined) return undefined
    const isNull = value instanceof Failure
    parts[key] = selection.selections ? nestedParts(schema, selection.selections, value) : isNull ? null : value
  }
  return parts
}

function nestedParts(schema: GraphQLSchema, selections: readonly QueryPlanSelectionNode[], value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => nestedParts(schema, selections, item))
  return isData(value) ? (partsOf(schema, selections, value) ?? null) : null
}
