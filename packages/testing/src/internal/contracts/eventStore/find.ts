/**
 * Finds the places of events by their ids.
 */
import type { EventId } from "@daybook/kernel/EventId"
import { EventStore, InvalidReadOption } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as assert from "../../assert.ts"
import { type Cases, freshId, freshStream, newEvents, revision } from "./fixture.ts"

export const findCases: Cases = {
  "returns the places of events, in the order of the ids": Effect.gen(function* () {
    const store = yield* EventStore
    const [one, two] = [freshStream(), freshStream()]
    const [first, second] = [newEvents(3), newEvents(1)]
    yield* store.append({ streamId: one, expected: ExpectedRevision.any, events: first })
    yield* store.append({ streamId: two, expected: ExpectedRevision.any, events: second })
    const [a, b, c] = [
      Arr.getUnsafe(first, 2).id,
      Arr.getUnsafe(second, 0).id,
      Arr.getUnsafe(first, 0).id
    ]
    assert.deepStrictEqual(yield* store.find([a, freshId(), b, c]), [
      { eventId: a, streamId: one, revision: revision(3) },
      { eventId: b, streamId: two, revision: revision(1) },
      { eventId: c, streamId: one, revision: revision(1) }
    ])
  }),

  "leaves out ids that are not recorded": Effect.gen(function* () {
    const store = yield* EventStore
    assert.deepStrictEqual(yield* store.find([]), [])
    assert.deepStrictEqual(yield* store.find([freshId(), freshId()]), [])
  }),

  "refuses an invalid id": Effect.gen(function* () {
    const store = yield* EventStore
    // A caller without types may pass this.
    const refused = yield* Effect.flip(store.find([freshId(), "7" as EventId]))
    assert.instanceOf(refused, InvalidReadOption)
    assert.strictEqual(refused.option, "ids")
  }),

  "is in no transaction unless the caller began one": Effect.gen(function* () {
    assert.isFalse(yield* (yield* EventStore).inTransaction)
  })
}
