/**
 * The store, the configuration and the style of output that the flags of a command choose.
 */
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { EventStore } from "@daybook/store/EventStore"
import { SchemaName } from "@daybook/store/PostgresSchema"
import type { SnapshotStore } from "@daybook/store/SnapshotStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { SqlClient } from "effect/sql/SqlClient"
import type { DaybookConfig } from "../../DaybookConfig.ts"
import * as Config from "../config/load.ts"
import * as Open from "../connection/open.ts"
import { resolve, type Target } from "../connection/target.ts"
import { Misused } from "../exit.ts"
import type { Style } from "../output/listing.ts"
import { root } from "./root.ts"

export interface Session {
  readonly target: Target
  readonly config: DaybookConfig
  readonly schemas: Open.Schemas
  readonly style: Style
}

/** Reads the flags, the environment, the contexts and the configuration; opens nothing. */
export const session = Effect.gen(function* () {
  const flags = yield* root
  const target = yield* resolve(flags)
  const config = yield* Config.load(flags.config)
  const log = Option.isNone(flags.schema)
    ? config.schemas.log
    : yield* Effect.mapError(
        decodeSchema(flags.schema.value),
        ({ message }) => new Misused({ problem: `--schema: ${message}` })
      )
  const made: Session = {
    target,
    config,
    schemas: { ...config.schemas, log },
    style: yield* style
  }
  return made
})

/** The style of output that the flags choose. */
export const style = Effect.map(root, ({ output, quiet }): Style => ({ format: output, quiet }))

const decodeSchema = Schema.decodeUnknownEffect(SchemaName)

type Opened = EventStore | ReadModelStore | SnapshotStore | ConsumerGroups

/** Runs `use` on the parts of the store that it needs. */
export const opened =
  <Parts extends Opened, E2>(
    { schemas, target }: Session,
    parts: Layer.Layer<Parts, E2, SqlClient>,
    options?: { readonly creates?: boolean }
  ) =>
  <A, E, R>(use: Effect.Effect<A, E, R>) =>
    use.pipe(
      Effect.provide(Layer.provideMerge(parts, Open.client(target, options))),
      Effect.provide(Open.schemas(schemas))
    )

/** Runs `use` on the database alone. */
export const connected =
  ({ schemas, target }: Session, options?: { readonly creates?: boolean }) =>
  <A, E, R>(use: Effect.Effect<A, E, R>) =>
    use.pipe(Effect.provide(Open.client(target, options)), Effect.provide(Open.schemas(schemas)))
