/**
 * Read models in PostgreSQL 15 or later, or in PGlite: each in a table with real columns, which any
 * SQL client can read.
 *
 * `order_summary` is served from the table of this name in the schema of {@link ReadModelSchema};
 * other generations are beside it as `order_summary__g1` and so on, and a switch renames them. A
 * switch carries the grants on the serving table over to the next one, and views follow.
 *
 * @since 0.1.0
 */
import * as OpenAppends from "@daybook/store/sql/OpenAppends"
import { PostgresSchema } from "@daybook/store/PostgresSchema"
import * as SoleHost from "@daybook/store/sql/SoleHost"
import type { SchemaUnready } from "@daybook/store/PostgresStart"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Transition } from "./internal/lifecycle/command.ts"
import { views } from "./driver/ReadModelLifecycle.ts"
import * as Operations from "./driver/ReadModelOperations.ts"
import * as Acts from "./internal/postgres/acts.ts"
import * as Claims from "./internal/postgres/claims.ts"
import { differences } from "./internal/postgres/differences.ts"
import * as PostgresInline from "./internal/postgres/inline.ts"
import { CHANGE_TIMEOUT } from "./internal/postgres/locks.ts"
import * as PostgresQuery from "./internal/postgres/query.ts"
import * as PostgresRenew from "./internal/postgres/renew.ts"
import * as PostgresStep from "./internal/postgres/step.ts"
import * as Skipped from "./internal/postgres/skipped.ts"
import * as States from "./internal/postgres/state.ts"
import * as PostgresTransition from "./internal/postgres/transition.ts"
import { readCommitted } from "./internal/postgres/readCommitted.ts"
import { ReadModelStoreError } from "./ReadModelError.ts"
import * as ReadModelMigrations from "./ReadModelMigrations.ts"
import { ReadModelStore } from "./ReadModelStore.ts"
import { DependentRefused, ForeignCode, ForeignRelation } from "./internal/postgres/errors.ts"
import { ReadModelSchema } from "./ReadModelSchema.ts"

/**
 * Causes of a `ReadModelStoreError` for which the store refuses an operation.
 *
 * @category errors
 * @since 0.1.0
 */
export { DependentRefused, ForeignCode, ForeignRelation } from "./internal/postgres/errors.ts"

/**
 * Makes the store on the current SQL client, in the schema of {@link ReadModelSchema}.
 *
 * **Details**
 * Inline read models need the log of `PostgresSchema` in the same database, and a client that the
 * event store shares.
 * Errors: `NotMigrated`, the schema lacks migrations; `NotPermitted`, the user may not use it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<ReadModelStore["Service"], SchemaUnready, SqlClient> = Effect.gen(
  function* () {
    yield* ReadModelMigrations.check
    // A client may rename columns and JSON keys for its other users; rows must not be renamed.
    const sql = (yield* SqlClient).withoutTransforms()
    const schema = yield* ReadModelSchema
    const log = yield* PostgresSchema
    const settle = OpenAppends.awaitEnd(CHANGE_TIMEOUT).pipe(
      Effect.provideService(PostgresSchema, log),
      Effect.provideService(SqlClient, sql)
    )
    const acts = Acts.make(sql, schema, log)
    const database: PostgresTransition.Database = { sql, schema, acts }
    const claims = Claims.make(sql, schema)
    /**
     * Frees the claims from before an embedded database was opened: their holders are dead, so
     * their leases need not run out.
     */
    const freed = SoleHost.onceOpened(
      sql,
      `claims in ${schema}`,
      sql.withTransaction(States.releaseAll(sql, schema))
    )

    return Operations.make({
      transition: (name, command, table) =>
        PostgresTransition.transition(database, name, command, table).pipe(
          (run) =>
            command._tag === "Open" || command._tag === "Claim" ? Effect.andThen(freed, run) : run,
          Effect.tap((done) => Effect.sync(() => claims.madeUnsafe(done))),
          failing(operationOf(command)),
          (run) => (hasNoSpan(command) ? run : spanned(operationOf(command), name)(run))
        ),
      exclusively: ({ operation, ...of }, use) =>
        PostgresTransition.exclusively(database, of, ({ at, state }) =>
          use({ at, state, appendsSettled: failing(operation)(settle) })
        ).pipe(failing(operation), spanned(operation, of.name)),
      load: (table, claim, at) =>
        claims
          .on(claim, (relation) => PostgresStep.loadOfStep(sql, schema, table, claim, relation, at))
          .pipe(failing("load")),
      advance: (table, claim, step) =>
        claims
          .on(claim, (relation) =>
            PostgresStep.writeOfStep(sql, schema, table, claim, relation, step)
          )
          .pipe(failing("advance"), spanned("advance", table.name)),
      inline: (append) => PostgresInline.inline(sql, schema, log, append).pipe(failing("inline")),
      acts: (name) => readCommitted(sql, acts.list(name)).pipe(failing("acts")),
      skipped: (name) =>
        readCommitted(sql, Skipped.list(sql, schema, name)).pipe(failing("skipped")),
      renew: (renewals) =>
        readCommitted(sql, PostgresRenew.renew(sql, schema, renewals)).pipe(failing("renew")),
      mark: (markings) =>
        readCommitted(sql, PostgresRenew.mark(sql, schema, markings)).pipe(failing("mark")),
      states: (...names) =>
        readCommitted(sql, States.readAll(sql, schema, names)).pipe(
          Effect.map((found) => found.flatMap(({ at, state }) => views(state, at))),
          failing("states")
        ),
      get: (table, key) =>
        PostgresQuery.get(sql, schema, table, key).pipe(
          Effect.catch((error) => PostgresQuery.failed(sql, schema, table, error)),
          failing("get"),
          spanned("get", table.name)
        ),
      query: (table, query, generation) =>
        PostgresQuery.query(sql, schema, table, query, generation).pipe(
          Stream.catch((error) =>
            Stream.fromEffect(PostgresQuery.failed(sql, schema, table, error, generation))
          ),
          Stream.mapError((error) =>
            isOwn(error) ? new ReadModelStoreError({ operation: "query", cause: error }) : error
          )
        ),
      differences: (table, generations) =>
        differences(sql, schema, table, generations).pipe(failing("differences"))
    })
  }
)

/** Returns the name of the operation that a command is of. */
const operationOf = ({ _tag }: Transition): string => `${_tag[0]?.toLowerCase()}${_tag.slice(1)}`

/** Returns true for the decisions of `exclusively`, which has a span. */
const hasNoSpan = ({ _tag }: Transition): boolean =>
  _tag === "Promote" || _tag === "MakeInline" || _tag === "MakeAsync"

/**
 * Provides the store. Its tables must exist: provide `ReadModelMigrations.layer` at the edge, or
 * run it beforehand.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ReadModelStore, SchemaUnready, SqlClient> = Layer.effect(
  ReadModelStore,
  make
)

type Own =
  | SqlError
  | ForeignRelation
  | ForeignCode
  | DependentRefused
  | OpenAppends.AppendsStillOpen

const isOwn = (error: unknown): error is Own =>
  error instanceof SqlError ||
  error instanceof ForeignRelation ||
  error instanceof ForeignCode ||
  error instanceof DependentRefused ||
  error instanceof OpenAppends.AppendsStillOpen

/** Wraps errors of the database in a `ReadModelStoreError`; errors of callers stay as they are. */
const failing =
  (operation: string) =>
  <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, Exclude<E, Own> | ReadModelStoreError, R> =>
    Effect.mapError(effect, (error) =>
      // TypeScript can't exclude `Own` from `E` here: an error that is not the store's is another.
      isOwn(error)
        ? new ReadModelStoreError({ operation, cause: error })
        : (error as Exclude<E, Own>)
    )

const spanned = (operation: string, name: string) =>
  Effect.withSpan(
    `ReadModelStore.${operation}`,
    { attributes: { "daybook.projection": name } },
    { captureStackTrace: false }
  )
