/**
 * A host of orders on the database at `DATABASE_URL`: it keeps the read models, executes commands unless it stands by, and in one
 * of them two subscriptions run. It answers each line of its standard input with what it holds, and lives as long as somebody
 * holds that. One that is `leaky` keeps something of each command.
 */
import "effect/schema/SchemaJITCompiler/enable"
import * as CommandId from "@daybook/kernel/CommandId"
import { aggregate } from "@daybook/order/Order"
import type { OrderState } from "@daybook/order/OrderState"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as Arbitrary from "effect/Arbitrary"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { orders } from "../orderSimulation.ts"
import { type Held, isRole, writeHeld } from "../soak/held.ts"
import { lines } from "../torture/message.ts"
import { behind } from "../torture/projections.ts"

const role = process.argv[2] ?? ""
if (!isRole(role)) throw new Error(`the role of a host is ${role}`)

const CLERKS = 4
const OPEN = 6
const COMMANDS_EACH = 24

const counts = { commands: 0, given: 0, errors: 0, lastError: "" }
const kept: Array<ReadonlyArray<number>> = []

const failed = (error: unknown) => {
  counts.errors++
  counts.lastError = String(error)
}

process.stdin.on(
  "data",
  lines(() => {
    // Twice: what finalizers let go of is collected the second time.
    globalThis.gc?.()
    globalThis.gc?.()
    const { external, heapUsed } = process.memoryUsage()
    const held: Held = {
      heap: heapUsed + external,
      handles: process.getActiveResourcesInfo().length,
      ...counts
    }
    process.stdout.write(`${writeHeld(held)}\n`)
  })
)
// Nobody is there any more.
process.stdin.once("close", () => process.exit())

const clerk = Effect.gen(function* () {
  const handler = yield* CommandHandler
  const random = yield* Random.Random
  const commands = yield* Arbitrary.sampleEffect(Arbitrary.schema(orders.command), { count: 200 })
  const seen = new Map<string, OrderState>()
  const open = Array.from({ length: OPEN }, () => ({
    id: SecureRandom.uuidV4Unsafe(),
    left: COMMANDS_EACH
  }))
  const pick = <A>(members: ReadonlyArray<A>) =>
    // The index is one of theirs.
    members[Math.floor(random.nextDoubleUnsafe() * members.length)] as A
  while (true) {
    const order = pick(open)
    if (order.left-- === 0) {
      seen.delete(order.id)
      order.id = SecureRandom.uuidV4Unsafe()
      order.left = COMMANDS_EACH
    }
    const state = seen.get(order.id) ?? aggregate.decider.initialState
    let command = pick(commands)
    for (let look = 0; look < 8; look++) {
      if (Result.isSuccess(aggregate.decider.decide(command, state))) break
      command = pick(commands)
    }
    const commandId = CommandId.make(SecureRandom.uuidV4Unsafe())
    const answer = yield* handler.executeAll(aggregate, order.id, [{ command, commandId }]).pipe(
      Effect.catchCause((cause) =>
        Effect.as(
          Effect.sync(() => failed(cause)),
          []
        )
      )
    )
    for (const one of answer) {
      if (Result.isSuccess(one)) seen.set(order.id, one.success.state)
    }
    counts.commands++
    if (role === "leaky") kept.push(Array.from({ length: 10_000 }, (_, n) => n + 0.5))
    yield* Effect.sleep("2 millis")
  }
})

const follow = (types?: ReadonlyArray<string>) =>
  Effect.flatMap(EventStore, (events) =>
    events
      .subscribe({ categories: [aggregate.category], types })
      .pipe(Stream.runForEach(() => Effect.sync(() => counts.given++)))
  )

const layer = Layer.merge(
  CommandHandler.layerSnapshots(SnapshotPolicy.every(3)).pipe(
    Layer.provide(Layer.succeed(CachedStreams, 100))
  ),
  Projections.layer({ async: behind })
).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      EventStorePostgres.layer,
      SnapshotStorePostgres.layer,
      ReadModelStorePostgres.layer
    )
  ),
  Layer.provide(Postgres.layer)
)

const program = Effect.all(
  [
    ...(role === "standby" ? [] : Array.from({ length: CLERKS }, () => clerk)),
    ...(role === "first" ? [follow(), follow(["OrderConfirmed", "OrderCancelled"])] : []),
    Effect.never
  ],
  { concurrency: "unbounded", discard: true }
)

// Its standard output is for what it holds; what goes wrong is counted.
await Effect.runPromise(
  Effect.provide(program, layer).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
)
