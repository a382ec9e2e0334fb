/**
 * The statements of an append that many subscriptions of one host follow, counted by a server.
 */
import type * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import type { SubscribeOptions } from "@daybook/store/Subscription"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { appendTo, database, type Host, until } from "./subscribingHosts.ts"

const APPENDS = 20

/** Starts followers of these filters, and waits for all of them with `caughtUp`. */
const followAll = Effect.fnUntraced(function* (
  { store }: Host,
  filters: ReadonlyArray<SubscribeOptions>
) {
  const { position: after } = yield* store.checkpoint
  const reached = filters.map((): Position.Position => after)
  const seen = filters.map(() => 0)
  for (const [index, filter] of filters.entries()) {
    yield* Stream.runForEach(store.subscribePages({ after, ...filter }), ({ events, position }) =>
      Effect.sync(() => {
        reached[index] = position
        seen[index] = (seen[index] ?? 0) + events.length
      })
    ).pipe(Effect.forkScoped)
  }
  /** A follower of a stream that does not change gets no page. */
  const follows = filters.map(({ streamId }) => streamId === undefined)
  const caughtUp = (position: Position.Position) =>
    Effect.sync(() => reached.every((at, index) => follows[index] === false || at >= position))
  return { caughtUp, seen }
})

/** Appends again and again, and counts the statements of an append. */
const statements = (filters: ReadonlyArray<SubscribeOptions>) =>
  Effect.gen(function* () {
    const { admin, start } = yield* database
    const host = yield* start({ pollInterval: "1 hour", listen: false })
    yield* appendTo(host)
    const { caughtUp, seen } = yield* followAll(host, filters)
    // After the second append all of them stand at one place.
    for (let n = 0; n < 2; n++) yield* until(caughtUp(yield* appendTo(host)))
    const [, { count }] = yield* PostgresServer.counted(
      admin,
      Effect.gen(function* () {
        for (let n = 0; n < APPENDS; n++) yield* until(caughtUp(yield* appendTo(host)))
      })
    )
    return { each: count / APPENDS, seen }
  }).pipe(Effect.scoped)

const category = (name: string) => StreamId.Category.make(name)
const kinds: ReadonlyArray<SubscribeOptions> = [
  {},
  { categories: [category("note")] },
  { categories: [category("note"), category("other")] },
  { categories: [category("other")] },
  { types: ["Noted"] },
  { types: ["Unnoted"] },
  { categories: [category("note")], types: ["Noted"] },
  { streamId: StreamId.StreamId.make("other-1") }
]

layer(PostgresServer.PostgresServer.layerCounting, { timeout: 60_000, excludeTestServices: true })(
  "An append that subscriptions of one host follow",
  (it) => {
    it.effect("costs at most twice the statements with 200 of them as with one", () =>
      Effect.gen(function* () {
        const one = yield* statements([{}])
        const filters = Array.from({ length: 200 }, (_, index) => kinds[index % kinds.length] ?? {})
        const many = yield* statements(filters)
        assert.isAtMost(many.each, 2 * one.each)
        assert.deepStrictEqual(
          many.seen.slice(0, kinds.length).map((events) => events > 0),
          [true, true, true, false, true, false, true, false]
        )
        assert.isTrue(
          many.seen.every((events, index) => events === many.seen[index % kinds.length])
        )
      })
    )
  }
)
