/**
 * A host of orders on the database at `DATABASE_URL`. It maintains the read models and, unless it
 * is a standby, executes commands; one of the hosts also runs two subscriptions. It answers each
 * line of its standard input with its memory, handles and read models, and ends with that input.
 * Its warnings go to standard error. Some roles have faults; see `Role`.
 */
import "effect/schema/SchemaJITCompiler/enable"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Projection from "@daybook/kernel/Projection"
import { aggregate } from "@daybook/order/Order"
import type { OrderState } from "@daybook/order/OrderState"
import { projection as orderSummary } from "@daybook/order/OrderSummary"
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
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { command as orderCommands } from "../orderSimulation.ts"
import { type Held, isRole, subscriptions, writeHeld } from "../soak/held.ts"
import { lines } from "../torture/message.ts"
import { ofOrders } from "../torture/projections.ts"

const role = process.argv[2] ?? ""
if (!isRole(role)) throw new Error(`the role of a host is ${role}`)

const CLIENTS = 4
const OPEN = 6
const COMMANDS_EACH = 24

const counts = { commands: 0, errors: 0, lastError: "" }
const given = subscriptions.map(() => 0)
const kept: Array<ReadonlyArray<number>> = []

/**
 * 8 MiB, at each sample: far more than the noise of a host's heap, and the same at each sample
 * however slow the machine is.
 */
const LEAK = 1_048_576

const unfoldable: typeof orderSummary = {
  ...orderSummary,
  name: Projection.Name.make("unfoldable"),
  keys: (event, recorded) => orderSummary.keys(event, recorded),
  apply: () => {
    throw new Error("it folds no event")
  }
}

const failed = (error: unknown) => {
  counts.errors++
  counts.lastError = String(error)
}

const counted = <A, E, R>(effect: Effect.Effect<A, E, R>, otherwise: A) =>
  Effect.catchCause(effect, (cause) =>
    Effect.as(
      Effect.sync(() => failed(cause)),
      otherwise
    )
  )

const answer = Effect.fnUntraced(function* (question: string) {
  const projections = yield* Projections
  const statuses = yield* counted(projections.statuses, [])
  if (question === "sample") {
    if (role === "faulty") kept.push(Array.from({ length: LEAK }, () => 0.5))
    // Twice: the second collection frees objects that finalizers released.
    globalThis.gc?.()
    globalThis.gc?.()
  }
  const { external, heapUsed } = process.memoryUsage()
  const held: Held = {
    heap: heapUsed + external,
    handles: process.getActiveResourcesInfo().length,
    ...counts,
    given: role === "first" ? given : [],
    models: statuses.map(({ state, lagEvents, lastError, name, position }) => ({
      name,
      state,
      position,
      lagEvents,
      lastError: Option.match(lastError, { onNone: () => "", onSome: ({ message }) => message })
    }))
  }
  process.stdout.write(`${writeHeld(held)}\n`, () => {
    if (role === "dying") process.kill(process.pid, "SIGKILL")
  })
})

const questions = Effect.runSync(Queue.unbounded<string>())
process.stdin.on(
  "data",
  lines((line) => Queue.offerUnsafe(questions, line))
)
// The soak has ended.
process.stdin.once("close", () => process.exit())

const client = Effect.gen(function* () {
  const handler = yield* CommandHandler
  const random = yield* Random.Random
  const commands = yield* Arbitrary.sampleEffect(Arbitrary.schema(orderCommands), { count: 200 })
  const seen = new Map<string, OrderState>()
  const open = Array.from({ length: OPEN }, () => ({
    id: SecureRandom.uuidV4Unsafe(),
    left: COMMANDS_EACH
  }))
  const pick = <A>(members: ReadonlyArray<A>) =>
    // The index is in range.
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
    const answers = yield* counted(
      handler.executeAll(aggregate, order.id, [{ command, commandId }]),
      []
    )
    for (const one of answers) {
      if (Result.isSuccess(one)) seen.set(order.id, one.success.state)
    }
    counts.commands++
    yield* Effect.sleep("2 millis")
  }
})

const follow = (index: number, types?: ReadonlyArray<string>) =>
  Effect.flatMap(EventStore, (events) =>
    events
      .subscribe({ categories: [aggregate.category], types })
      .pipe(Stream.runForEach(() => Effect.sync(() => (given[index] = (given[index] ?? 0) + 1))))
  )

const layer = Layer.merge(
  CommandHandler.layerSnapshots(SnapshotPolicy.every(3)).pipe(
    Layer.provide(Layer.succeed(CachedStreams, 100))
  ),
  Projections.layer({ async: role === "faulty" ? [...ofOrders, unfoldable] : ofOrders })
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

const isAtWork = role === "first" || role === "second"

const program = Effect.all(
  [
    Effect.forever(Effect.flatMap(Queue.take(questions), answer)),
    ...(isAtWork ? Array.from({ length: CLIENTS }, () => client) : []),
    ...(role === "first" ? subscriptions.map(({ types }, index) => follow(index, types)) : [])
  ],
  { concurrency: "unbounded", discard: true }
)

// Standard output is only for the answers.
await Effect.runPromise(
  Effect.provide(program, layer).pipe(
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )
)
