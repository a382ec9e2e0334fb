/**
 * The contents of `daybook.config.ts`: the code by which the `daybook` command reads events, states
 * and rows.
 *
 * Without a configuration the command shows events as they are stored.
 *
 * @since 0.1.0
 */
import type { EventCodec } from "@daybook/kernel/EventCodec"
import type * as Projection from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import { SchemaName } from "@daybook/store/PostgresSchema"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"

/**
 * Any aggregate, for lists of several; each value of `Aggregate.make` is one.
 *
 * @category types
 * @since 0.1.0
 */
export interface AnyAggregate {
  readonly category: StreamId.Category
  // Methods, so that aggregates of different types fit into one list.
  readonly decider: {
    readonly initialState: unknown
    decide(command: unknown, state: unknown): Result.Result<ReadonlyArray<unknown>, unknown>
    evolve(state: unknown, event: unknown): unknown
  }
  readonly codec: AnyCodec & {
    readonly events: Schema.Top
    encode(event: unknown): Result.Result<unknown, unknown>
  }
  readonly state: Schema.Top
}

/**
 * The reading half of any codec.
 *
 * @category types
 * @since 0.1.0
 */
export type AnyCodec = Pick<EventCodec<unknown>, "name" | "types" | "versions" | "decode">

/**
 * The events of a category that no aggregate of the configuration has, such as those of another
 * application.
 *
 * @category types
 * @since 0.1.0
 */
export interface Source {
  readonly category: string
  readonly codec: AnyCodec
}

/**
 * The names of the schemas of a database; the defaults of the stores when absent.
 *
 * @category types
 * @since 0.1.0
 */
export interface Schemas {
  /** The log; `daybook` when absent. */
  readonly log?: string
  /** The read models; `read_models` when absent. */
  readonly readModels?: string
  /** The consumer groups and timers; `reactors` when absent. */
  readonly reactors?: string
}

/**
 * The code and the names of an application.
 *
 * @category types
 * @since 0.1.0
 */
export interface Options {
  readonly aggregates?: ReadonlyArray<AnyAggregate>
  readonly sources?: ReadonlyArray<Source>
  readonly projections?: ReadonlyArray<Projection.Any>
  readonly schemas?: Schemas
}

/**
 * A checked configuration, the default export of `daybook.config.ts`; made by {@link defineConfig}.
 *
 * @category types
 * @since 0.1.0
 */
export interface DaybookConfig {
  readonly _tag: "DaybookConfig"
  readonly aggregates: ReadonlyArray<AnyAggregate>
  /** The codec of each category: those of the aggregates, then the other sources. */
  readonly codecs: ReadonlyMap<StreamId.Category, AnyCodec>
  readonly projections: ReadonlyArray<Projection.Any>
  readonly schemas: {
    readonly log: SchemaName | undefined
    readonly readModels: SchemaName | undefined
    readonly reactors: SchemaName | undefined
  }
}

/**
 * Checks a configuration. Throws when a category has two codecs, when two projections have one
 * name, or when the name of a schema is invalid.
 *
 * ```ts
 * import * as DaybookConfig from "@daybook/cli/DaybookConfig"
 *
 * export default DaybookConfig.defineConfig({ aggregates: [], projections: [] })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const defineConfig = ({
  aggregates = [],
  projections = [],
  schemas = {},
  sources = []
}: Options): DaybookConfig => {
  const codecs = new Map<StreamId.Category, AnyCodec>()
  for (const source of [...aggregates, ...sources]) {
    const category = StreamId.Category.make(source.category)
    if (codecs.has(category)) throw new Error(`two codecs are given for the category ${category}`)
    codecs.set(category, source.codec)
  }
  const names = projections.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw new Error(`two projections are named ${twice}`)
  const schemaOf = (name: string | undefined) =>
    name === undefined ? undefined : SchemaName.make(name)
  return {
    _tag: "DaybookConfig",
    aggregates,
    codecs,
    projections,
    schemas: {
      log: schemaOf(schemas.log),
      readModels: schemaOf(schemas.readModels),
      reactors: schemaOf(schemas.reactors)
    }
  }
}
