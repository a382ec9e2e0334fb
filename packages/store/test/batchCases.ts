/**
 * Appends that arrive together, on every store: each gets its own answer.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { type AppendError, type Appended, EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"

const { any, exactly, noStream } = ExpectedRevision

const events = (count: number): Arr.NonEmptyReadonlyArray<NewEvent> =>
  Arr.makeBy(count, (n) => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: { n },
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))

const fresh = Effect.suspend(() =>
  Effect.fromResult(StreamId.fromString(`note-${SecureRandom.uuidV4Unsafe()}`))
)

const told = (answer: Result.Result<Appended, AppendError>) =>
  Result.match(answer, {
    onSuccess: ({ repeated, revision }) => `${repeated ? "again " : ""}${revision}`,
    onFailure: ({ _tag }) => _tag
  })

const atOnce = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects.map(Effect.result), { concurrency: "unbounded" })

const read = (streamId: StreamId.StreamId) =>
  Effect.flatMap(EventStore, (store) => Stream.runCollect(store.read(streamId)))

export const cases = <E>(name: string, stores: Layer.Layer<EventStore, E>): void =>
  layer(stores, { timeout: 60_000 })(name, (it) => {
    it.effect("each have an answer of their own", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const [full, twice, taken] = [yield* fresh, yield* fresh, yield* fresh]
        yield* store.append({ streamId: full, expected: noStream, events: events(3) })
        const recorded = events(2)
        yield* store.append({ streamId: twice, expected: noStream, events: recorded })
        const asked = [
          { streamId: yield* fresh, expected: noStream, events: events(1) },
          { streamId: full, expected: noStream, events: events(1) },
          { streamId: yield* fresh, expected: exactly(Revision.make(4)), events: events(1) },
          { streamId: twice, expected: noStream, events: recorded },
          { streamId: taken, expected: any, events: recorded },
          { streamId: yield* fresh, expected: any, events: events(400) },
          { streamId: yield* fresh, expected: any, events: events(700) },
          { streamId: full, expected: exactly(Revision.make(3)), events: events(2) }
        ]
        const answers = yield* atOnce(asked.map(store.append))
        assert.deepStrictEqual(answers.map(told), [
          "1",
          "WrongExpectedRevision",
          "WrongExpectedRevision",
          "again 2",
          "EventIdConflict",
          "400",
          "700",
          "5"
        ])
        assert.lengthOf(yield* read(taken), 0)
        assert.lengthOf(yield* read(full), 5)
      })
    )

    it.effect("keep their order on a stream", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = yield* fresh
        const asked = Arr.makeBy(60, (n) => events(1 + (n % 3)))
        const answers = yield* atOnce(
          asked.map((all) => store.append({ streamId, expected: any, events: all }))
        )
        assert.isTrue(answers.every(Result.isSuccess))
        const ids = (yield* read(streamId)).map(({ id }) => id)
        const places = asked.map(([{ id }]) => ids.indexOf(id))
        assert.isTrue(places.every((place) => place >= 0))
        // The appends of one call; the first few may have been in two calls.
        const later = places.slice(8)
        assert.deepStrictEqual(
          later,
          later.toSorted((a, b) => a - b)
        )
      })
    )

    it.effect(
      "are written one after the other when each expects the revision that the last one leaves",
      () =>
        Effect.gen(function* () {
          const store = yield* EventStore
          const streamId = yield* fresh
          const revisions = Arr.range(0, 39).map((n) => exactly(Revision.make(n)))
          // Until all have won: appends that come too early in their call lose.
          let left: ReadonlyArray<ExpectedRevision.ExpectedRevision> = revisions
          while (left.length > 0) {
            const answers = yield* atOnce(
              left.map((expected) => store.append({ streamId, expected, events: events(1) }))
            )
            const lost = left.filter((_, index) => Result.isFailure(Arr.getUnsafe(answers, index)))
            assert.isBelow(lost.length, left.length)
            left = lost
          }
          assert.deepStrictEqual(
            (yield* read(streamId)).map(({ revision }) => Number(revision)),
            Arr.range(1, 40)
          )
        })
    )

    it.effect("of the same ids are recorded once", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const streamId = yield* fresh
        const same = events(3)
        const answers = yield* atOnce(
          Arr.makeBy(20, () => store.append({ streamId, expected: noStream, events: same }))
        )
        assert.deepStrictEqual(answers.map(told).toSorted(), ["3", ...Arr.replicate("again 3", 19)])
        assert.lengthOf(yield* read(streamId), 3)
      })
    )
  })
