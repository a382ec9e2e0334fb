/**
 * A host of the shop on the database at `DATABASE_URL`, with reactors, processes and publishers to
 * the Kafka at `KAFKA_BROKER` and the NATS server at `NATS_SERVER`. It executes commands. It ends
 * when it gets SIGTERM, and when its standard input closes. With the argument `log` it writes its log
 * to standard error.
 */
import "effect/schema/SchemaJITCompiler/enable"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Order from "@daybook/order/Order"
import * as Payment from "@daybook/order/Payment"
import * as KafkaBroker from "@daybook/publishing/KafkaBroker"
import * as NatsBroker from "@daybook/publishing/NatsBroker"
import { GroupSettings } from "@daybook/reactors/ConsumerGroups"
import * as ConsumerGroupsPostgres from "@daybook/reactors/ConsumerGroupsPostgres"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import * as ProcessTimersPostgres from "@daybook/reactors/ProcessTimersPostgres"
import { Reactors } from "@daybook/reactors/Reactors"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as Postgres from "@daybook/store/Postgres"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Result from "effect/Result"
import { lines } from "../torture/message.ts"
import {
  type Question,
  readQuestion,
  type Reply,
  type Target,
  writeReply
} from "../torture/reacting/message.ts"
import * as Shop from "../torture/reacting/shop.ts"

const tell = (reply: Reply) => process.stdout.write(`${writeReply(reply)}\n`)

const questions = Effect.runSync(Queue.unbounded<Question>())
process.stdin.on(
  "data",
  lines((line) => Queue.offerUnsafe(questions, readQuestion(line)))
)
// The parent process is gone.
process.stdin.once("close", () => process.exit())

const execute = (
  { commandId, id, occurredAt }: Question,
  target: Target
): Effect.Effect<
  Result.Result<{ readonly revision: number; readonly events: ReadonlyArray<unknown> }, unknown>,
  unknown,
  CommandHandler
> =>
  Effect.gen(function* () {
    const handler = yield* CommandHandler
    const circumstances = {
      commandId: CommandId.make(commandId),
      occurredAt: DateTime.makeUnsafe(occurredAt)
    }
    const [answer] =
      target._tag === "Order"
        ? yield* handler.executeAll(Order.aggregate, id, [
            { command: target.command, ...circumstances }
          ])
        : yield* handler.executeAll(Payment.aggregate, id, [
            { command: target.command, ...circumstances }
          ])
    return answer ?? Result.fail("no answer")
  })

const answer = Effect.fnUntraced(function* (question: Question) {
  const { ask, target } = question
  const exit = yield* Effect.exit(execute(question, target))
  if (Exit.isSuccess(exit)) {
    const reply = Result.match(exit.value, {
      onFailure: (): Reply => ({ _tag: "Rejected", ask }),
      onSuccess: ({ events, revision }): Reply => ({
        _tag: "Accepted",
        ask,
        revision,
        events: events.length
      })
    })
    tell(reply)
    return
  }
  const failure = Cause.squash(exit.cause)
  tell({
    _tag: "Failed",
    ask,
    error: failure instanceof Error ? failure.name : "unknown",
    message: String(failure)
  })
})

const [payments, reminders] = Shop.processes
const kafka = Layer.unwrap(
  Effect.map(Config.String("KAFKA_BROKER"), (broker) => KafkaBroker.layer({ brokers: [broker] }))
)
const nats = Layer.unwrap(
  Effect.map(Config.String("NATS_SERVER"), (servers) => NatsBroker.layer({ servers }))
)
const running = { from: "beginning" } as const

const layer = Layer.mergeAll(
  Reactors.layer([Shop.noting, Shop.counting]),
  Reactors.layer([Shop.toKafka]).pipe(Layer.provide(kafka)),
  Reactors.layer([Shop.toNats]).pipe(Layer.provide(nats)),
  ProcessRunner.layer(payments, running),
  ProcessRunner.layer(reminders, running)
).pipe(
  Layer.provideMerge(CommandHandler.layer),
  Layer.provide(ConsumerGroupsPostgres.layer),
  Layer.provide(ProcessTimersPostgres.layer),
  Layer.provide(Layer.succeed(GroupSettings, { lease: Shop.LEASE_MILLIS })),
  Layer.provide(EventStorePostgres.layer),
  Layer.provide(Postgres.layer)
)

const program = Effect.gen(function* () {
  tell({ _tag: "Ready" })
  return yield* Queue.take(questions).pipe(
    Effect.flatMap((question) => Effect.forkChild(answer(question))),
    Effect.forever
  )
})

// Standard output is only for the answers. Failures are effects of the attacks.
const log =
  process.argv[2] === "log"
    ? Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
    : Effect.provideService(References.MinimumLogLevel, "None")

const fiber = Effect.runFork(program.pipe(Effect.provide(layer), log, Effect.exit))
process.once("SIGTERM", () => fiber.interruptUnsafe())
fiber.addObserver(() => process.exit(1))
