/**
 * A writer calls the functions that append with random arrays, on a log whose streams have a
 * history. After each call the whole log is checked, and read through every reader.
 */
import type { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { tryAppend } from "../src/internal/postgres/schema/functions/tryAppend.ts"
import { refuseArguments } from "../src/internal/postgres/schema/refuseArguments.ts"
import {
  allFunctions,
  type Arguments,
  appendOf,
  call,
  functions,
  one,
  uuid
} from "./forgedCalls.ts"
import { Logins } from "./roleLogins.ts"

const kinds = [
  ["a log of one table", Logins.layer],
  ["a log in partitions", Logins.layerManyPartitions]
] as const

/** Mostly any revision. */
const EXPECTED = ["-2", "-2", "-2", "-2", "-2", "-2", "-2", "-1", "-1", "0", "12", "-3"]

/** The number of calls of each function. */
const CALLS = 150

/** Returns numbers from 0 up to 1 (mulberry32): the same calls in each run. */
const seeded = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

interface Draw {
  readonly below: (end: number) => number
  readonly of: <A>(values: ReadonlyArray<A>) => A
  readonly chance: (probability: number) => boolean
}

const makeDraw = (seed: number): Draw => {
  const random = seeded(seed)
  const below = (end: number) => Math.floor(random() * end)
  return {
    below,
    of: (values) => values[below(values.length)] as (typeof values)[number],
    chance: (probability) => random() < probability
  }
}

const list = (values: ReadonlyArray<string>) => `{${values.join(",")}}`

/** Returns an element of an array of texts. */
const text = (value: string) => one(value).slice(1, -1)

/** Returns the arrays of a call: as a store would send them, and then with some changes. */
const drawn = (
  draw: Draw,
  history: ReadonlyArray<string>,
  ids: ReadonlyArray<string>
): Arguments => {
  const appends = 1 + draw.below(4)
  const counts = Array.from({ length: appends }, () => draw.of([1, 1, 2, 3, 0]))
  const events = counts.reduce((sum, count) => sum + count, 0)
  const repeat = (element: () => string, length = events) => Array.from({ length }, element)
  const plain = {
    streams: repeat(() => (draw.chance(0.7) ? draw.of(history) : `fuzz-${draw.below(5)}`), appends),
    expected: repeat(() => draw.of(EXPECTED), appends),
    counts: counts.map(String),
    ids: repeat(() => (draw.chance(0.01) ? draw.of(ids) : uuid())),
    types: repeat(() => "Fuzzed"),
    versions: repeat(() => draw.of(["1", "2"])),
    data: repeat(() => text(draw.of(["1", "null", "[]", '{"a":"b"}', '""', '"\\u0000"']))),
    metadata: repeat(() => text(draw.of(["{}", '{"actor":"a"}', '{"custom":{}}']))),
    times: repeat(() => draw.of(["2001-01-01", "9999-12-31"]))
  }
  if (draw.chance(0.4)) {
    // One more append to a stream of the call, without events: the counts of the others still add
    // up.
    const place = draw.below(plain.counts.length)
    plain.streams.splice(place, 0, draw.of(plain.streams))
    plain.expected.splice(place, 0, "-2")
    plain.counts.splice(place, 0, draw.of(["-1", "-2", "-5", "-11", "NULL", "0"]))
    if (draw.chance(0.7)) plain.expected.fill("-2")
  }
  type Field = keyof typeof plain
  const odd: { readonly [Field in keyof typeof plain]: ReadonlyArray<string> } = {
    streams: ["NULL", '""', '"counter"', text("fuzz-a\nb")],
    expected: ["NULL", "-7", "2147483647", "9223372036854775807", "5"],
    counts: ["NULL", "-5", "-1", "2147483647", "0", "1", "3", "1024"],
    ids: ["NULL", draw.of(ids)],
    types: ["NULL", '""', '"Counted "', '"daybook.passed-over"'],
    versions: ["NULL", "0", "-1", "32767"],
    data: ["NULL", text("no JSON"), text("[".repeat(200) + "]".repeat(200))],
    metadata: ["NULL", text("null"), text("5"), text("[]"), text('{"commandId":1}')],
    times: ["NULL", "infinity", "-infinity", '"0044-03-15 BC"']
  }
  const shapes: { [F in Field]?: (array: string) => string } = {}
  for (let change = draw.of([0, 0, 1, 2]); change > 0; change--) {
    const field = draw.of(Object.keys(plain) as ReadonlyArray<Field>)
    const values = plain[field]
    switch (draw.below(5)) {
      case 0:
      case 1:
        values[draw.below(values.length)] = draw.of(odd[field])
        break
      case 2:
        values.push(draw.of([...odd[field], ...values]))
        break
      case 3:
        values.splice(draw.below(values.length), 1)
        break
      case 4:
        shapes[field] = draw.of([
          (array: string) => (array === "{}" ? array : `[0:${values.length - 1}]=${array}`),
          (array: string) => `{${array},${array}}`,
          () => "{}"
        ])
    }
  }
  const array = (field: Field) => (shapes[field] ?? ((same: string) => same))(list(plain[field]))
  return {
    streams: array("streams"),
    expected: array("expected"),
    counts: array("counts"),
    ids: array("ids"),
    types: array("types"),
    versions: array("versions"),
    data: array("data"),
    metadata: array("metadata"),
    times: array("times")
  }
}

/**
 * Finds streams with a gap or a repetition, times that go back along a stream, and positions that
 * no append drew.
 */
const faults = (sql: SqlClient) => sql`
  SELECT stream_id, revision, position FROM (
    SELECT e.*, row_number() OVER stream AS place, lag(recorded_at) OVER stream AS before,
      (SELECT last_value FROM daybook.append_number) * 1024 AS newest
    FROM daybook.events e WINDOW stream AS (PARTITION BY stream_id ORDER BY position)
  ) n
  WHERE revision <> place OR before > recorded_at OR position > newest OR position < 1`

/** Calls a function again and again, and returns how many calls wrote something. */
const fuzz = Effect.fnUntraced(function* (
  store: EventStore["Service"],
  fn: (typeof functions)[number],
  seed: number
) {
  const { superuser, writer } = yield* Logins
  const history = Array.from({ length: 3 }, () => `counter-${uuid()}`)
  // The later events of these streams are in another partition than the first ones.
  for (let n = 0; n < 12; n++) {
    for (const id of history) {
      yield* call(writer, fn, { ...appendOf(1), streams: one(id) }, false)
    }
  }
  const everything = superuser<{
    readonly position: bigint
    readonly id: string
    readonly stream: string
    readonly revision: number
  }>`SELECT position, event_id::text AS id, stream_id AS stream, revision
    FROM daybook.events ORDER BY position`
  const draw = makeDraw(seed)
  let known = yield* everything
  let written = 0
  for (let n = 0; n < CALLS; n++) {
    const given = drawn(
      draw,
      history,
      known.map(({ id }) => id)
    )
    const allOrNone = draw.chance(0.5)
    const where = JSON.stringify([n, given, allOrNone])
    const outcome = yield* Effect.result(call(writer, fn, given, allOrNone))
    const rows = yield* everything
    // Earlier rows are unchanged, and new rows come after them.
    assert.deepStrictEqual(rows.slice(0, known.length), known, where)
    assert.deepStrictEqual(yield* faults(superuser), [], where)
    if (Result.isFailure(outcome)) assert.strictEqual(rows.length, known.length, where)
    const isNew = rows.length > known.length
    if (isNew) written += 1
    known = rows
    if (!isNew && n % 10 !== 0) continue

    const addressed = (
      events: ReadonlyArray<{
        readonly position: bigint
        readonly id: string
        readonly streamId: string
        readonly revision: number
      }>
    ) =>
      events.map(({ id, position, revision, streamId }) => ({
        position,
        id,
        stream: streamId,
        revision
      }))
    const forward = addressed(yield* Stream.runCollect(store.readAll()))
    assert.deepStrictEqual(forward, rows, where)
    const backward = yield* Stream.runCollect(store.readAll({ direction: "backward" }))
    assert.deepStrictEqual(addressed(backward), rows.toReversed(), where)
    const followed = Stream.take(store.subscribe(), rows.length)
    assert.deepStrictEqual(addressed(yield* Stream.runCollect(followed)), rows, where)
    for (const id of new Set(rows.slice(-8).map(({ stream }) => stream))) {
      const streamId = StreamId.StreamId.make(id)
      const own = rows.filter(({ stream }) => stream === id)
      const read = yield* Stream.runCollect(store.read(streamId))
      assert.deepStrictEqual(addressed(read), own, where)
      const live = Stream.take(store.subscribe({ streamId }), own.length)
      assert.deepStrictEqual(addressed(yield* Stream.runCollect(live)), own, where)
    }
  }
  return written
})

/** Opened before any function is altered: a store is not opened on functions of others. */
const readerStore = Effect.flatMap(Logins, ({ reader }) =>
  Effect.provideService(EventStorePostgres.make, SqlClient, reader)
)

for (const [title, logins] of kinds) {
  layer(logins, { timeout: 300_000, excludeTestServices: true })(`Any call on ${title}`, (it) => {
    for (const [index, fn] of allFunctions.entries()) {
      it.effect(
        `S1, S5, S14: leaves a log that each reader reads to its end, whatever ${fn[0]} is called with`,
        () =>
          Effect.gen(function* () {
            const written = yield* fuzz(yield* readerStore, fn, index + 1)
            // Otherwise the test tried nothing.
            assert.isAbove(written, CALLS / 10)
            assert.isBelow(written, CALLS)
          }).pipe(Effect.scoped)
      )
    }
  })
}

layer(Logins.layerManyPartitions, { timeout: 300_000, excludeTestServices: true })(
  "A function that derives revisions from any counts",
  (it) => {
    it.effect("S5: is found to write into the past of a stream", () =>
      Effect.gen(function* () {
        const { superuser } = yield* Logins
        const store = yield* readerStore
        const sound = tryAppend('"daybook"')
        const broken = sound
          .replace(refuseArguments, "")
          // Without it a negative count overflows, and is refused by chance.
          .replaceAll("<= 2147483647 -", "<= 2147483647::bigint -")
        assert.notStrictEqual(broken, sound)
        yield* superuser.unsafe(broken).unprepared
        const fn = functions.find(([name]) => name === "try_append")
        const exit = yield* Effect.exit(fuzz(store, fn ?? assert.fail("no function"), 2))
        assert.isTrue(Exit.isFailure(exit))
        if (Exit.isFailure(exit)) assert.match(Cause.pretty(exit.cause), /AssertionError/)
      }).pipe(Effect.scoped)
    )
  }
)
