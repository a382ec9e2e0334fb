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
import * as Option from "effect/Option"
import { SqlClient } from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import * as Acts from "./internal/postgres/acts.ts"
import * as Claims from "./internal/postgres/claims.ts"
import * as Generations from "./internal/postgres/generations.ts"
import * as PostgresInline from "./internal/postgres/inline.ts"
import { changing, CHANGE_TIMEOUT } from "./internal/postgres/locks.ts"
import * as PostgresOpen from "./internal/postgres/open.ts"
import * as PostgresQuery from "./internal/postgres/query.ts"
import * as PostgresStep from "./internal/postgres/step.ts"
import * as PostgresSwitch from "./internal/postgres/switch.ts"
import { readCommitted } from "./internal/postgres/readCommitted.ts"
import { type ClaimLost, ReadModelStoreError } from "./ReadModelError.ts"
import type { Claim } from "./ReadModelGeneration.ts"
import * as ReadModelMigrations from "./ReadModelMigrations.ts"
import { ReadModelStore } from "./ReadModelStore.ts"
import { DependentRefused, ForeignCode, ForeignRelation } from "./ReadModelStorePostgresError.ts"
import { ReadModelSchema } from "./ReadModelSchema.ts"

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
    const database: PostgresSwitch.Database = { sql, schema, acts, settle }

    /**
     * The table of each claim: serving or not. It can't change while the claim is valid. Only the
     * newest claim of each generation is remembered.
     */
    const claimed = new Map<string, { readonly epoch: number; readonly serves: boolean }>()
    const generationOf = ({ generation, name }: Pick<Claim, "name" | "generation">) =>
      `${name} ${generation}`
    const claim: ReadModelStore["Service"]["claim"] = (of, owner, lease, despite) =>
      readCommitted(sql, Claims.claim(sql, schema, of, owner, lease, despite)).pipe(
        Effect.map(
          Option.map(({ serves, ...made }): Claim => {
            claimed.set(generationOf(made), { epoch: made.epoch, serves })
            return made
          })
        ),
        failing("claim")
      )
    /**
     * Frees the claims from before an embedded database was opened: their holders are dead, so
     * their leases need not run out.
     */
    const freed = SoleHost.onceOpened(
      sql,
      `claims in ${schema}`,
      sql.withTransaction(Claims.releaseAll(sql, schema))
    )
    const placeOf = Effect.fnUntraced(function* (of: Claim) {
      const known = claimed.get(generationOf(of))
      if (known?.epoch === of.epoch) return { generation: of.generation, serves: known.serves }
      // The claim was made by another store on this database.
      const serves = yield* Claims.serves(sql, schema, of)
      claimed.set(generationOf(of), { epoch: of.epoch, serves })
      return { generation: of.generation, serves }
    })
    /**
     * Turns a failure over a missing table into `ClaimLost` if the claim is gone: a switch or a
     * drop may have removed the table of the claim.
     */
    const unlessLost =
      (of: Claim) =>
      <A, E>(step: Effect.Effect<A, E>): Effect.Effect<A, E | ClaimLost> =>
        Effect.tapError(step, (error) =>
          error instanceof SqlError && error.reason._tag === "SqlSyntaxError"
            ? Effect.catchTag(Claims.serves(sql, schema, of), "SqlError", () => Effect.void)
            : Effect.void
        )

    return ReadModelStore.of({
      open: (table, { log: of, partitions = 1 } = {}) =>
        Effect.andThen(freed, PostgresOpen.open(sql, schema, table, partitions, of)).pipe(
          failing("open"),
          spanned("open", table.name)
        ),
      beginShadow: (table, { accept = false, lease, log: of, owner, partitions, why }) =>
        changing(
          sql,
          schema,
          table.name,
          Effect.gen(function* () {
            const { name } = table
            const generation = yield* PostgresOpen.shadow(sql, schema, table, partitions, of)
            yield* Claims.accept(sql, schema, { name, generation }, accept)
            yield* acts.record("rebuild", name, why, { generation, accepted: accept })
            const made = yield* claim({ name, generation }, owner, lease)
            const shadow = yield* Generations.state(sql, schema, name, generation)
            return { shadow, claim: made }
          })
        ).pipe(failing("beginShadow"), spanned("beginShadow", table.name)),
      claim: (of, owner, lease, despite) =>
        Effect.andThen(failing("claim")(freed), claim(of, owner, lease, despite)),
      renew: (of) => readCommitted(sql, Claims.renew(sql, schema, of)).pipe(failing("renew")),
      release: (of) => readCommitted(sql, Claims.release(sql, schema, of)).pipe(failing("release")),
      step: (table, of, step) =>
        Effect.flatMap(placeOf(of), (place) =>
          PostgresStep.step(sql, schema, table, of, place, step)
        ).pipe(unlessLost(of), failing("step"), spanned("step", table.name)),
      restart: (of, from) =>
        PostgresSwitch.restart(database, of, from).pipe(unlessLost(of), failing("restart")),
      mark: (of, compared, reached) =>
        readCommitted(sql, PostgresSwitch.mark(database, of, compared, reached)).pipe(
          failing("mark")
        ),
      stop: (of, poison) =>
        readCommitted(sql, Claims.stop(sql, schema, of, poison)).pipe(failing("stop")),
      pause: (name, why) => Claims.pause(sql, schema, acts, name, why).pipe(failing("pause")),
      resume: (name, why) => Claims.resume(sql, schema, acts, name, why).pipe(failing("resume")),
      skip: (skipped, options) =>
        Claims.skip(sql, schema, acts, skipped, options).pipe(failing("skip")),
      acts: (name) => readCommitted(sql, acts.list(name)).pipe(failing("acts")),
      skipped: (name) =>
        readCommitted(sql, Claims.skipped(sql, schema, name)).pipe(failing("skipped")),
      states: (name) =>
        readCommitted(sql, Generations.states(sql, schema, { name })).pipe(failing("states")),
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
      switchOver: (table, of, options) =>
        PostgresSwitch.switchOver(database, table, of, options).pipe(
          failing("switchOver"),
          spanned("switchOver", table.name)
        ),
      drop: (name, generation, why) =>
        PostgresSwitch.drop(database, name, generation, why).pipe(failing("drop")),
      inline: (append) => PostgresInline.inline(sql, schema, log, append).pipe(failing("inline")),
      promote: (of, catchUp) =>
        PostgresSwitch.promote(database, of, catchUp).pipe(
          failing("promote"),
          spanned("promote", of.name)
        ),
      demote: (name, settled) =>
        PostgresSwitch.demote(database, name, settled).pipe(
          failing("demote"),
          spanned("demote", name)
        )
    })
  }
)

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
