/**
 * Makes any calls in any order, and compares the answers of the store with the model's.
 */
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Position from "@daybook/kernel/Position"
import type { StreamId } from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arbitrary from "effect/Arbitrary"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as assert from "../../assert.ts"
import * as Law from "../../../Law.ts"
import { renderLine } from "../../render.ts"
import {
  freshCategory,
  ids,
  newEvent,
  readCategories,
  revision,
  second,
  streamOf
} from "./fixture.ts"
import * as Model from "./model.ts"

// Few streams and few ids, so that calls meet.
const StreamNumber = Schema.Literals([0, 1, 2])
const EventNumber = Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
const Expected = Schema.Literals(["any", "any", "noStream", "exists", 0, 1, 2, 3, 4])
const Place = Schema.Literals([0, 1, 2, 3, 5, 8])
const optional = <S extends Schema.Top>(schema: S) => Schema.UndefinedOr(schema)
const direction = optional(Schema.Literals(["forward", "backward"]))
const limit = optional(Schema.Literals([0, 1, 2, 3]))

const Check = Schema.Struct({ stream: StreamNumber, expected: Expected })
const Append = Schema.Struct({
  ...Check.fields,
  events: Schema.NonEmptyArray(EventNumber).check(Schema.isMaxLength(3))
})

const Call = Schema.TaggedUnion({
  Append: Append.fields,
  AppendAll: {
    appends: Schema.NonEmptyArray(Append).check(Schema.isMaxLength(3)),
    checks: Schema.Array(Check).check(Schema.isMaxLength(1))
  },
  Read: {
    stream: StreamNumber,
    from: optional(Place),
    to: optional(Place),
    untilSecond: optional(Place),
    direction,
    limit
  },
  ReadAll: {
    after: optional(Place),
    upTo: optional(Place),
    second: Schema.Boolean,
    types: optional(Schema.Array(Schema.Literals(["A", "B"])).check(Schema.isMaxLength(2))),
    direction,
    limit
  }
})

const toExpected = (expected: typeof Expected.Type): ExpectedRevision.ExpectedRevision =>
  typeof expected === "number"
    ? ExpectedRevision.exactly(revision(expected))
    : ExpectedRevision[expected]

const typeOf = (event: number) => (event % 2 === 0 ? "A" : "B")
const secondOf = (event: number) => (event * 5) % 9

/** Builds fresh streams and events that stand for the numbers of the model. */
const makeWorld = () => {
  const [first, other] = [freshCategory(), freshCategory()]
  const streams = [streamOf(first, "0"), streamOf(first, "1"), streamOf(other, "2")]
  const events = EventNumber.literals.map((n) =>
    newEvent({ type: typeOf(n), data: n, occurredAt: second(secondOf(n)) })
  )
  return {
    first,
    other,
    stream: (n: number): StreamId => Arr.getUnsafe(streams, n),
    event: (n: number): NewEvent => Arr.getUnsafe(events, n),
    streamNumber: (streamId: StreamId) => streams.indexOf(streamId),
    eventNumber: (id: NewEvent["id"]) => events.findIndex((event) => event.id === id)
  }
}

type World = ReturnType<typeof makeWorld>

/** Translates the store's answer to the writes into the terms of the model. */
const appendAll = Effect.fnUntraced(function* (
  world: World,
  appends: Arr.NonEmptyReadonlyArray<typeof Append.Type>,
  checks: ReadonlyArray<typeof Check.Type>
) {
  const store = yield* EventStore
  const toCheck = ({ expected, stream }: typeof Check.Type) => ({
    streamId: world.stream(stream),
    expected: toExpected(expected)
  })
  const toAppend = (append: typeof Append.Type) => ({
    ...toCheck(append),
    events: Arr.map(append.events, world.event)
  })
  const [append, ...more] = appends
  const call =
    more.length === 0 && checks.length === 0
      ? Effect.map(store.append(toAppend(append)), Arr.of)
      : store.appendAll({ appends: Arr.map(appends, toAppend), checks: checks.map(toCheck) })
  return yield* call.pipe(
    Effect.map((answers): Model.Answer => {
      return { _tag: "Appended", revisions: answers.map((answer) => Number(answer.revision)) }
    }),
    Effect.catchTags({
      AppendRefused: ({ reason }) =>
        Effect.succeed<Model.Answer>({ _tag: "Refused", reason: reason._tag }),
      WrongExpectedRevision: ({ _tag, actual, between, others, place, streamId }) =>
        Effect.succeed<Model.Answer>({
          _tag,
          place,
          stream: world.streamNumber(streamId),
          actual,
          between: ids(between).map(world.eventNumber),
          others: others.map((other) => ({
            place: other.place,
            stream: world.streamNumber(other.streamId),
            actual: other.actual
          }))
        }),
      EventIdConflict: ({ _tag, recorded, streamId }) =>
        Effect.succeed<Model.Answer>({
          _tag,
          stream: world.streamNumber(streamId),
          recorded: recorded.map(({ eventId, revision, streamId }) => ({
            stream: world.streamNumber(streamId),
            event: world.eventNumber(eventId),
            revision
          }))
        })
    })
  )
})

const read = Effect.fnUntraced(function* (world: World, call: typeof Call.cases.Read.Type) {
  const store = yield* EventStore
  const toRevision = (n: number | undefined) => (n === undefined ? undefined : revision(n))
  const { direction, from, limit, stream, to, untilSecond } = call
  const events = yield* Stream.runCollect(
    store.read(world.stream(stream), {
      from: toRevision(from),
      to: toRevision(to),
      until: untilSecond === undefined ? undefined : { occurredAt: second(untilSecond) },
      direction,
      limit
    })
  )
  return ids(events).map(world.eventNumber)
})

const modelRead = (
  log: ReadonlyArray<Model.Entry>,
  { direction, from, limit, stream, to, untilSecond }: typeof Call.cases.Read.Type
) => {
  const events = Model.eventsOf(log, stream)
  const later = events.findIndex((event) => secondOf(event) > (untilSecond ?? Infinity))
  return ordered(
    events.filter((_, index) => {
      const inRange = index + 1 >= (from ?? 0) && index + 1 <= (to ?? Infinity)
      return inRange && (later === -1 || index < later)
    }),
    direction,
    limit
  )
}

const ordered = (
  events: ReadonlyArray<number>,
  direction: "forward" | "backward" | undefined,
  limit: number | undefined
) => (direction === "backward" ? events.toReversed() : events).slice(0, limit)

const readAll = Effect.fnUntraced(function* (
  world: World,
  log: ReadonlyArray<Model.Entry>,
  call: typeof Call.cases.ReadAll.Type
) {
  const store = yield* EventStore
  const all = yield* readCategories(log.length, world.first, world.other)
  assert.deepStrictEqual(
    ids(all).map(world.eventNumber),
    log.map(({ event }) => event)
  )
  const toPosition = (n: number | undefined) => {
    if (n === undefined) return undefined
    return n === 0 ? Position.start : all[Math.min(n, all.length) - 1]?.position
  }
  const { after, direction, limit, types, upTo } = call
  const events = yield* Stream.runCollect(
    store.readAll({
      categories: call.second ? [world.other] : [world.first, world.other],
      types,
      after: toPosition(after),
      upTo: toPosition(upTo),
      direction,
      limit
    })
  )
  return ids(events).map(world.eventNumber)
})

const modelReadAll = (log: ReadonlyArray<Model.Entry>, call: typeof Call.cases.ReadAll.Type) =>
  ordered(
    log
      .slice(
        call.after === undefined ? 0 : Math.min(call.after, log.length),
        call.upTo === undefined ? undefined : Math.min(call.upTo, log.length)
      )
      .filter(({ stream }) => !call.second || stream === 2)
      .map(({ event }) => event)
      .filter((event) => call.types === undefined || call.types.includes(typeOf(event))),
    call.direction,
    call.limit
  )

/** Makes the calls on fresh streams; dies when an answer is not the model's. */
const compare = Effect.fnUntraced(function* (calls: ReadonlyArray<typeof Call.Type>) {
  const world = makeWorld()
  let log: ReadonlyArray<Model.Entry> = []
  const write = Effect.fnUntraced(function* (
    appends: Arr.NonEmptyReadonlyArray<typeof Append.Type>,
    checks: ReadonlyArray<typeof Check.Type>
  ) {
    const writes = [...appends, ...checks.map((check) => ({ ...check, events: [] }))]
    const after = Model.append(
      log,
      writes.map((one) => ({ ...one, expected: toExpected(one.expected) }))
    )
    assert.deepStrictEqual(yield* appendAll(world, appends, checks), after.answer)
    log = after.log
  })
  for (const call of calls) {
    yield* Call.match(call, {
      Append: (append) => write([append], []),
      AppendAll: ({ appends, checks }) => write(appends, checks),
      Read: (options) =>
        Effect.map(read(world, options), (events) =>
          assert.deepStrictEqual(events, modelRead(log, options))
        ),
      ReadAll: (options) =>
        Effect.map(readAll(world, log, options), (events) =>
          assert.deepStrictEqual(events, modelReadAll(log, options))
        )
    })
  }
  const all = yield* readCategories(log.length, world.first, world.other)
  for (const { occurredAt, data } of all) {
    assert.strictEqual(
      DateTime.toEpochMillis(occurredAt),
      DateTime.toEpochMillis(second(secondOf(Number(data))))
    )
  }
})

export const anyCalls: Law.Law<EventStore> = Law.make({
  name: "any calls in turn: get the answers of a model",
  inputs: () => Arbitrary.schema(Schema.Array(Call).check(Schema.isMaxLength(24))),
  problem: (calls) => Effect.as(compare(calls), undefined),
  show: (calls) => ["after these calls:", ...calls.map(renderLine)].join("\n"),
  runs: 100,
  size: 10
})
