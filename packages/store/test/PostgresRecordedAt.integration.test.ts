/**
 * The time of an append when the server's clock has been set back: no event is recorded before the
 * one it follows.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import { any, exists, noStream } from "@daybook/store/ExpectedRevision"
import { SchemaName } from "@daybook/store/PostgresSchema"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { encodeAppends } from "../src/internal/driver/encodeAppends.ts"
import * as PostgresAppend from "../src/internal/postgres/log/callAppend.ts"
import * as PostgresLayers from "./postgresLayers.ts"

const FUTURE = "2999-01-01T00:00:00.123Z"

const streamId = () =>
  Result.getOrThrow(StreamId.fromString(`clock-${SecureRandom.uuidV4Unsafe()}`))

const events = (count: number): Arr.NonEmptyReadonlyArray<NewEvent> =>
  Arr.makeBy(count, () => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))

/** A stream with one event, which the server recorded when its clock was far ahead. */
const ahead = Effect.gen(function* () {
  const sql = yield* SqlClient
  const id = streamId()
  yield* sql`
    INSERT INTO daybook.events (position, occurred_at, recorded_at, event_id, revision, schema_version,
      stream_id, type, data, metadata)
    SELECT (nextval('daybook.append_number') - 1) * 1024 + 1, now(), ${FUTURE}::text::timestamptz,
      ${SecureRandom.uuidV4Unsafe()}::uuid, 1, 1, ${id}, 'Noted', '{}', '{}'`
  return id
})

const times = Effect.fnUntraced(function* (id: StreamId.StreamId) {
  const store = yield* EventStore
  const read = yield* Stream.runCollect(store.read(id))
  return read.map(({ recordedAt }) => DateTime.formatIso(recordedAt))
})

const setBack = <E>(title: string, stores: Layer.Layer<EventStore | SqlClient, E>) => {
  layer(stores, { timeout: 60_000, excludeTestServices: true })(
    `When the clock is set back, ${title},`,
    (it) => {
      it.effect("an append is recorded at the time of the event before", () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          for (const count of [1, 3]) {
            const one = yield* ahead
            yield* store.append({ streamId: one, expected: exists, events: events(count) })
            assert.deepStrictEqual(yield* times(one), Arr.replicate(FUTURE, count + 1))
          }
        })
      )

      it.effect("appends that go together each have the time of their own stream", () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const [one, other] = [yield* ahead, streamId()]
          yield* Effect.all(
            Arr.makeBy(40, (n) =>
              store.append({
                streamId: n % 2 === 0 ? one : other,
                expected: any,
                events: events(1 + (n % 3))
              })
            ),
            { concurrency: "unbounded" }
          )
          const late = yield* times(one)
          assert.deepStrictEqual(late, Arr.replicate(FUTURE, late.length))
          for (const time of yield* times(other)) assert.isBelow(Number(time.slice(0, 4)), 2900)
        })
      )

      it.effect("all of an appendAll have the time of the latest of its streams", () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const [one, other, checked] = [yield* ahead, streamId(), yield* ahead]
          yield* store.appendAll({
            appends: [
              { streamId: other, expected: noStream, events: events(2) },
              { streamId: one, expected: exists, events: events(2) }
            ]
          })
          assert.deepStrictEqual(yield* times(one), Arr.replicate(FUTURE, 3))
          assert.deepStrictEqual(yield* times(other), Arr.replicate(FUTURE, 2))
          // A stream that is only checked is not written, and does not affect the time.
          const unrelated = streamId()
          yield* store.appendAll({
            appends: [{ streamId: unrelated, expected: noStream, events: events(2) }],
            checks: [{ streamId: checked, expected: exists }]
          })
          for (const time of yield* times(unrelated)) assert.isBelow(Number(time.slice(0, 4)), 2900)
        })
      )

      it.effect("the function that waits for streams keeps to it too", () =>
        Effect.gen(function* () {
          const sql = yield* SqlClient
          const schema = SchemaName.make("daybook")
          const [one, two, other] = [yield* ahead, yield* ahead, streamId()]
          const appends = (...ids: Arr.NonEmptyReadonlyArray<StreamId.StreamId>) =>
            Result.getOrThrow(
              encodeAppends(
                Arr.map(ids, (id) => ({ streamId: id, expected: any, events: events(2) })),
                []
              )
            )
          const each = yield* PostgresAppend.appendEach(sql, schema, appends(one, other))
          assert.deepStrictEqual(yield* times(one), Arr.replicate(FUTURE, 3))
          assert.deepStrictEqual(
            each.map((answer) => DateTime.formatIso(Result.getOrThrow(answer).recordedAt)),
            [FUTURE, (yield* times(other)).at(-1)]
          )
          for (const time of yield* times(other)) assert.isBelow(Number(time.slice(0, 4)), 2900)
          const all = yield* PostgresAppend.waitAndAppendAll(sql, schema, appends(other, two))
          assert.deepStrictEqual(
            all.map(({ recordedAt }) => DateTime.formatIso(recordedAt)),
            [FUTURE, FUTURE]
          )
          assert.deepStrictEqual((yield* times(two)).slice(1), [FUTURE, FUTURE])
          assert.deepStrictEqual((yield* times(other)).slice(2), [FUTURE, FUTURE])
        })
      )
    }
  )
}

setBack("on a server", PostgresLayers.server)
setBack("in partitions", PostgresLayers.serverPartitioned)
setBack("embedded", PostgresLayers.embedded)
