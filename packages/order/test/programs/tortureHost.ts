/**
 * A host of orders on the database at `DATABASE_URL`: it executes commands, maintains the read
 * models, and gives a subscriber the log. It lives until its standard input closes. A `forgetful`
 * host repeats commands without their ids; an `old` one does not know all events.
 */
import "effect/schema/SchemaJITCompiler/enable"
import * as CommandId from "@daybook/kernel/CommandId"
import type * as Projection from "@daybook/kernel/Projection"
import * as Position from "@daybook/kernel/Position"
import { aggregate } from "@daybook/order/Order"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { defaults, RunnerSettings } from "@daybook/projections/RunnerSettings"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { forgetfulHandler } from "../brokenMachinery.ts"
import { lines, type Question, readQuestion, type Reply, writeReply } from "../torture/message.ts"
import { old, oldAggregate } from "../torture/release.ts"
import { behind, inlineSummaries } from "../torture/projections.ts"

const number = Number(process.argv[2])
const isForgetful = process.argv[3] === "forgetful"
const isOld = process.argv[3] === "old"
const orders = isOld ? oldAggregate : aggregate

const tell = (reply: Reply) => process.stdout.write(`${writeReply(reply)}\n`)

const questions = Effect.runSync(Queue.unbounded<Question>())
process.stdin.on(
  "data",
  lines((line) => Queue.offerUnsafe(questions, readQuestion(line)))
)
// The parent process is gone.
process.stdin.once("close", () => process.exit())

const answer = Effect.fnUntraced(function* (question: Question) {
  if (question._tag === "Follow") return yield* follow(question.after)
  const { ask, id } = question
  const handler = yield* CommandHandler
  const exit = yield* Effect.exit(
    Effect.gen(function* (): Effect.fn.Return<Reply, unknown> {
      if (question._tag === "Load") {
        const { revision, state } = yield* handler.load(orders, id)
        return { _tag: "Loaded", ask, revision, state }
      }
      const { command, commandId, occurredAt } = question
      const [answered] = yield* handler.executeAll(orders, id, [
        {
          command,
          commandId: CommandId.make(commandId),
          occurredAt: DateTime.makeUnsafe(occurredAt)
        }
      ])
      if (answered === undefined || Result.isFailure(answered)) return { _tag: "Rejected", ask }
      const { events, revision, state } = answered.success
      return { _tag: "Accepted", ask, revision, events: events.length, state }
    })
  )
  if (Exit.isSuccess(exit)) return tell(exit.value)
  const failure = Cause.squash(exit.cause)
  tell({
    _tag: "Failed",
    ask,
    error: failure instanceof Error ? failure.name : "unknown",
    message: String(failure)
  })
})

/**
 * Follows the log, and resumes at its position after a failure. A restarted host gets its position
 * from outside.
 */
const follow = Effect.fnUntraced(function* (begin: bigint) {
  const events = yield* EventStore
  let after = Position.make(begin)
  yield* Effect.suspend(() =>
    events.subscribe({ after, categories: [aggregate.category] }).pipe(
      Stream.runForEach(({ id, position }) =>
        Effect.sync(() => {
          after = position
          tell({ _tag: "Given", eventId: id, position })
        })
      )
    )
  ).pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.orDie)
})

const handler = isForgetful
  ? forgetfulHandler
  : number % 2 === 0
    ? CommandHandler.layer
    : CommandHandler.layerSnapshots(SnapshotPolicy.every(3))

const release = (projections: ReadonlyArray<Projection.Any>) =>
  isOld ? projections.map(old) : projections
const inline = release([inlineSummaries])

const layer = handler.pipe(
  Layer.provide(Layer.succeed(CachedStreams, number === 0 ? 0 : 100)),
  Layer.provideMerge(
    Projections.layer({ async: release(behind), inline }).pipe(
      Layer.provide(
        Layer.succeed(RunnerSettings, {
          ...defaults,
          lease: "1 second",
          pollInterval: "100 millis"
        })
      )
    )
  ),
  Layer.provideMerge(
    Layer.mergeAll(
      EventStorePostgres.layer,
      SnapshotStorePostgres.layer,
      ReadModelStorePostgres.layer
    )
  ),
  Layer.provide(Postgres.layer)
)

const program = Effect.gen(function* () {
  tell({ _tag: "Ready" })
  return yield* Queue.take(questions).pipe(
    Effect.flatMap((question) => Effect.forkChild(answer(question))),
    Effect.forever
  )
})

// Failures here are effects of the attacks, and are reported to the caller.
await Effect.runPromise(
  program.pipe(
    Effect.provide(layer),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.exit
  )
)
process.exit(1)
