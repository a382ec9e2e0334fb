/**
 * Laws of commands together: money moves between accounts through two hosts at once, each move with
 * a command id, some sent several times, some with a seat that is booked or freed beside.
 *
 * The log is judged by a model of its own: amounts are summed up, and seats are noted, in the order
 * of the positions.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler, type Executed } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as Law from "@daybook/testing/Law"
import * as Arbitrary from "effect/Arbitrary"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { aggregate, deposit, withdraw } from "./Account.ts"
import { caching } from "./handlerHarness.ts"
import * as Hall from "./Hall.ts"

const small = (least: number, most: number) =>
  Schema.Int.check(Schema.isBetween({ minimum: least, maximum: most }))

const Move = Schema.Struct({
  from: Schema.Literals([0, 1, 2]),
  to: Schema.Literals([0, 1, 2]),
  amount: small(1, 4),
  seat: Schema.Literals(["none", "book", "free"]),
  host: Schema.Literals([0, 1]),
  sends: small(1, 3),
  /** The number of steps in which others may run before each append. */
  pause: small(0, 4)
})
type Move = typeof Move.Type

const Moves = Schema.Struct({
  opening: small(0, 5),
  moves: Schema.Array(Move).check(Schema.isMaxLength(8))
})

/** Lets other fibers run before each append. */
const pausing = Layer.effect(
  EventStore,
  Effect.map(EventStore, (store) =>
    EventStore.of({
      ...store,
      appendAll: (appends) =>
        Effect.flatMap(Pause, (steps) =>
          Effect.andThen(Effect.replicateEffect(Effect.yieldNow, steps), store.appendAll(appends))
        )
    })
  )
)

const Pause = Context.Reference<number>("@daybook/store/test/Pause", { defaultValue: () => 0 })

export interface Machinery {
  /** Decorates the store of a host. */
  readonly store?: Layer.Layer<EventStore, never, EventStore>
  /** Decorates the handler of a host. */
  readonly handler?: Layer.Layer<CommandHandler, never, CommandHandler>
}

const hostsOf = ({ handler, store }: Machinery) =>
  Effect.forEach([caching(0), caching(10)], (own) => {
    const handling = handler === undefined ? own : Layer.provide(handler, own)
    const stored = store === undefined ? pausing : Layer.provide(pausing, store)
    return Effect.map(Layer.build(Layer.fresh(handling).pipe(Layer.provide(stored))), (context) =>
      Context.get(context, CommandHandler)
    )
  })

type Answers = ReadonlyArray<Executed<unknown, unknown>>

/** A move that was sent, and its answers; undefined for a rejection. */
interface Sent extends Move {
  readonly commandId: CommandId.CommandId
  readonly answers: ReadonlyArray<Answers | undefined>
}

const run = Effect.fnUntraced(function* (
  { moves, opening }: typeof Moves.Type,
  machinery: Machinery
) {
  const hosts = yield* hostsOf(machinery)
  const [first] = hosts
  if (first === undefined) return "there is no host"
  const run = SecureRandom.uuidV4Unsafe()
  const accountOf = (index: number) => `${run}-${index}`
  if (opening > 0) {
    yield* Effect.forEach([0, 1, 2], (index) =>
      first.execute(aggregate, accountOf(index), deposit(opening))
    )
  }
  const sent = yield* Effect.forEach(
    moves,
    (move) => {
      const { amount, from, host, pause, seat, sends, to } = move
      const commandId = CommandId.make(SecureRandom.uuidV4Unsafe())
      const calls = [
        CommandCall.make(aggregate, accountOf(from), withdraw(amount)),
        CommandCall.make(aggregate, accountOf(to), deposit(amount)),
        ...(seat === "none"
          ? []
          : [
              CommandCall.make(
                Hall.aggregate,
                run,
                seat === "book"
                  ? { _tag: "Book", seat: 1, guest: "Ada" }
                  : { _tag: "Free", seat: 1 }
              )
            ])
      ]
      const once = (nth: number) =>
        (hosts[(host + nth) % hosts.length] ?? first).executeTogether(calls, { commandId }).pipe(
          Effect.map((answers): Answers | undefined => answers),
          Effect.catchTag("CommandRejected", () => Effect.succeed(undefined)),
          Effect.provideService(Pause, pause)
        )
      return Effect.map(
        Effect.forEach(
          Array.from({ length: sends }, (_, nth) => nth),
          once,
          {
            concurrency: "unbounded"
          }
        ),
        (answers): Sent => ({ ...move, commandId, answers })
      )
    },
    { concurrency: "unbounded" }
  )
  const store = yield* EventStore
  const streams = [
    ...[0, 1, 2].map((index) => StreamId.make(aggregate.category, accountOf(index))),
    StreamId.make(Hall.aggregate.category, run)
  ]
  const log = yield* Effect.forEach(streams, (id) =>
    Effect.flatMap(Effect.fromResult(id), (streamId) => Stream.runCollect(store.read(streamId)))
  )
  const ordered = log.flat().toSorted((a, b) => (a.position < b.position ? -1 : 1))
  return judge(ordered, sent, 3 * opening)
}, Effect.scoped)

/** Describes the first problem of a log. */
const judge = (
  log: ReadonlyArray<RecordedEvent>,
  sent: ReadonlyArray<Sent>,
  money: number
): string | undefined => {
  const balances = new Map<string, number>()
  let isTaken = false
  /** True if the seat was taken just before the event at a position. */
  const takenBefore = new Map<bigint, boolean>()
  for (const { data, position, streamId, type } of log) {
    takenBefore.set(position, isTaken)
    if (type === "SeatBooked" || type === "SeatFreed") {
      if (isTaken === (type === "SeatBooked")) return `${type} came twice`
      isTaken = type === "SeatBooked"
      continue
    }
    const amount = amountOf(data) * (type === "Withdrawn" ? -1 : 1)
    const balance = (balances.get(streamId) ?? 0) + amount
    if (balance < 0) return `${streamId} is overdrawn`
    balances.set(streamId, balance)
  }
  const sum = Array.from(balances.values()).reduce((all, one) => all + one, 0)
  if (sum !== money) return `the accounts hold ${sum} and not ${money}`
  for (const { answers, commandId, seat } of sent) {
    const own = log.filter(({ metadata }) => metadata.commandId === commandId)
    const [first, ...others] = answers.filter((one) => one !== undefined)
    if (first === undefined) {
      if (own.length > 0) return `a rejected move has ${own.length} events`
      continue
    }
    const moved = own.filter(({ type }) => !type.startsWith("Seat"))
    if (moved.length !== 2) return `an accepted move has ${moved.length} events of accounts`
    const events = first.reduce((count, answer) => count + answer.events.length, 0)
    if (events !== own.length) return `${events} events are answered, recorded are ${own.length}`
    const [begin, end] = [own[0], own.at(-1)]
    if (first.some(({ position }) => position !== end?.position)) return "an answer comes too early"
    if (seat === "free" && own.length === 2 && takenBefore.get(begin?.position ?? 0n) === true) {
      return "a seat was taken that was found free"
    }
    for (const other of others) {
      if (textOf(other) !== textOf(first)) return `${textOf(other)} is not ${textOf(first)}`
    }
    const told = [first, ...others].filter((one) => one.every(({ repeated }) => !repeated))
    if (told.length !== 1) return `${told.length} answers are the first one`
  }
  return undefined
}

const amountOf = (data: unknown): number =>
  typeof data === "object" && data !== null && "amount" in data ? Number(data.amount) : 0

const textOf = (answers: Answers): string =>
  JSON.stringify(
    answers.map(({ events, position, revision, state }) => [
      events,
      String(position),
      revision,
      state
    ])
  )

/** The law, for the machinery or a broken twin of it. */
export const law = (machinery: Machinery = {}, runs = 100): Law.Law<EventStore> =>
  Law.make({
    name: "money and seats move together, once, or not at all",
    inputs: () => Arbitrary.schema(Moves),
    problem: (input) => run(input, machinery),
    runs
  })
