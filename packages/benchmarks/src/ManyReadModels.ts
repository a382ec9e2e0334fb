/**
 * The cost of a host with many read models, of which a command concerns one.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Projection from "@daybook/kernel/Projection"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Statement from "effect/sql/Statement"
import * as Orders from "./Orders.ts"
import * as Sample from "./Sample.ts"

/** The cost of a host with a number of read models. */
interface Cost {
  readonly models: number
  /**
   * The statements from an append to the answer that its row is visible, the append included;
   * without those that begin and end transactions.
   */
  readonly statementsPerCommand: number
  readonly commandP50Millis: number
  readonly idleStatementsPerSecond: number
}

/** The name by which `--only` finds the measure. */
export const name = "read models: many on one host"

const COUNTS = [1, 10, 100]

/** Commands before the measured ones, for code that is not compiled yet. */
const WARM_UP = 50

const category = (n: number) => StreamId.Category.make(`order${n}`)

/** Each read model has a category of its own. */
const models = (count: number) =>
  Arr.makeBy(count, (n) => ({
    ...orderSummary,
    name: Projection.Name.make(`orders_${n}`),
    from: orderSummary.from.map((source) => ({ ...source, category: category(n) }))
  }))

/** Measures a host for each number of read models, on a server of its own. */
export const measure = (seconds: number, counts: ReadonlyArray<number> = COUNTS) =>
  Effect.forEach(counts, (count) => costOf(count, seconds)).pipe(
    Effect.provide(PostgresServer.PostgresServer.layer)
  )

const costOf = Effect.fnUntraced(
  function* (count: number, seconds: number) {
    let statements = 0
    const counting: Statement.Transformer = (statement) =>
      Effect.sync(() => {
        statements++
        return statement
      })
    const host = Projections.layer({ async: models(count) }).pipe(
      Layer.provideMerge(Layer.merge(EventStorePostgres.layer, ReadModelStorePostgres.layer)),
      Layer.provide(Layer.merge(PostgresMigrations.layer, ReadModelMigrations.layer)),
      Layer.provide(PostgresServer.layerClient({ maxConnections: 10 }))
    )
    return yield* Effect.gen(function* () {
      const events = yield* EventStore
      const projections = yield* Projections
      const streamId = (id: string) => Result.getOrThrow(StreamId.make(category(0), id))
      const command = Effect.gen(function* () {
        const { position } = yield* events.append({
          streamId: streamId(EventId.make(SecureRandom.uuidV4Unsafe())),
          expected: ExpectedRevision.noStream,
          events: Orders.history(1)
        })
        yield* projections.waitFor("orders_0", position, "1 minute")
      }).pipe(Effect.orDie)
      yield* Effect.replicateEffect(command, WARM_UP, { discard: true })
      yield* Effect.sleep("2 seconds")
      statements = 0
      yield* Effect.sleep(`${seconds} seconds`)
      const idle = statements / seconds
      statements = 0
      let commands = 0
      const sample = yield* Sample.take(
        () =>
          Effect.suspend(() => {
            commands++
            return command
          }),
        { concurrency: 1, seconds }
      )
      const cost: Cost = {
        models: count,
        statementsPerCommand: statements / commands,
        commandP50Millis: sample.p50Micros / 1_000,
        idleStatementsPerSecond: idle
      }
      return cost
    }).pipe(
      Effect.provide(Layer.fresh(host)),
      Effect.provideService(Statement.CurrentTransformer, counting)
    )
  },
  Effect.scoped,
  Effect.orDie
)
