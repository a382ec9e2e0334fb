/**
 * Appends and readers in parallel.
 */
import { EventIdConflict, EventStore } from "@daybook/store/EventStore"
import { any } from "@daybook/store/ExpectedRevision"
import { assert, describe } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as EventStoreLaws from "../../../EventStoreLaws.ts"
import {
  freshCategory,
  ids,
  type It,
  newEvent,
  newEvents,
  readCategories,
  readStream,
  streamOf,
  TIMEOUT_MILLIS
} from "./fixture.ts"

export const concurrencyCases = (it: It): void => {
  describe("in parallel", { timeout: TIMEOUT_MILLIS }, () => {
    it.effect(
      "appends of any revision are all stored, without gaps",
      () => EventStoreLaws.noGapsUnderConcurrency
    )

    it.effect(
      "one of the appends with the same exact expectation wins",
      () => EventStoreLaws.oneWinner
    )

    it.effect(
      "appends over crossed streams are seen wholly or not at all",
      () => EventStoreLaws.allOrNone
    )

    it.effect("the log ends where an append ends", () => EventStoreLaws.appendsAreSeenWhole)

    it.effect(
      "each append has one time, which never goes back along a stream",
      () => EventStoreLaws.recordedOnce
    )

    it.effect("the same append happens once", () => EventStoreLaws.repeatIsIdempotent)

    it.effect(
      "readers that page by position miss nothing",
      () => EventStoreLaws.nothingAppearsBehindReader
    )

    it.effect("one of two appends that share an id wins, on one stream or on two", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        for (const [first, second] of [
          ["1", "1"],
          ["1", "2"]
        ] as const) {
          const category = freshCategory()
          const shared = newEvent()
          const appends = [
            { streamId: streamOf(category, first), expected: any, events: [newEvent(), shared] },
            { streamId: streamOf(category, second), expected: any, events: [shared, newEvent()] }
          ] as const
          const answers = yield* Effect.forEach(
            appends,
            (append) => Effect.result(store.append(append)),
            { concurrency: "unbounded" }
          )
          const winner = answers.findIndex(Result.isSuccess)
          assert.notStrictEqual(winner, -1)
          const loser = Arr.getUnsafe(answers, 1 - winner)
          assert.isTrue(Result.isFailure(loser) && loser.failure instanceof EventIdConflict)
          assert.deepStrictEqual(
            ids(yield* readCategories(2, category)),
            ids(Arr.getUnsafe(appends, winner).events)
          )
        }
      })
    )

    it.effect("appends that share ids crosswise conflict and do not fail", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        for (let pair = 0; pair < 10; pair++) {
          const category = freshCategory()
          const events = newEvents(100)
          const append = (id: string, shared: typeof events) =>
            Effect.result(
              store.append({ streamId: streamOf(category, id), expected: any, events: shared })
            )
          const answers = yield* Effect.all(
            [append("1", events), append("2", Arr.reverse(events))],
            { concurrency: "unbounded" }
          )
          assert.lengthOf(answers.filter(Result.isSuccess), 1)
          for (const { failure } of answers.filter(Result.isFailure)) {
            assert.instanceOf(failure, EventIdConflict)
          }
        }
      })
    )

    it.effect("appends to many streams do not mix", () =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const category = freshCategory()
        const streams = Arr.makeBy(30, (n) => ({
          streamId: streamOf(category, String(n)),
          events: newEvents(5)
        }))
        yield* Effect.forEach(
          streams,
          ({ events, streamId }) =>
            Effect.forEach(events, (event) =>
              store.append({ streamId, expected: any, events: [event] })
            ),
          { concurrency: "unbounded" }
        )
        for (const { events, streamId } of streams) {
          assert.deepStrictEqual(ids(yield* readStream(streamId)), ids(events))
        }
      })
    )
  })
}
