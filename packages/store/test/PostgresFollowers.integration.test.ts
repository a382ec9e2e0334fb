/**
 * The statements of an append that many subscriptions of one host follow, counted by a server.
 */
import type * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
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
  const seen = filters.map((): Array<string> => [])
  for (const [index, filter] of filters.entries()) {
    yield* Stream.runForEach(store.subscribePages({ after, ...filter }), ({ events, position }) =>
      Effect.sync(() => {
        reached[index] = position
        for (const { id } of events) seen[index]?.push(id)
      })
    ).pipe(Effect.forkScoped)
  }
  /** True if all have read an append; a follower of another stream gets no page. */
  const caughtUp = (position: Position.Position, appendedTo?: StreamId.StreamId) =>
    Effect.sync(() =>
      filters.every(({ streamId }, index) => {
        const follows = streamId === undefined || streamId === appendedTo
        return !follows || (reached[index] ?? after) >= position
      })
    )
  return { after, caughtUp, seen }
})

const growing = StreamId.StreamId.make("bell-1")

/** The events that a follower is to get, found among all. */
const matching = (
  all: ReadonlyArray<RecordedEvent>,
  { categories, streamId, types }: SubscribeOptions
) =>
  all
    .filter(
      (event) =>
        (streamId === undefined || event.streamId === streamId) &&
        (categories?.includes(StreamId.category(event.streamId)) ?? true) &&
        (types?.includes(event.type) ?? true)
    )
    .map(({ id }): string => id)

/** Appends again and again, and counts the statements of an append. */
const statements = (filters: ReadonlyArray<SubscribeOptions>) =>
  Effect.gen(function* () {
    const { admin, start } = yield* database
    const host = yield* start({ pollInterval: "1 hour", listen: false })
    yield* appendTo(host)
    const { after, caughtUp, seen } = yield* followAll(host, filters)
    const appendAndWait = Effect.fnUntraced(function* (streamId?: StreamId.StreamId) {
      yield* until(caughtUp(yield* appendTo(host, streamId), streamId))
    })
    // After the second append all of them stand at one place.
    for (const streamId of [growing, undefined, undefined]) yield* appendAndWait(streamId)
    const [, { count }] = yield* PostgresServer.counted(
      admin,
      Effect.gen(function* () {
        for (let n = 0; n < APPENDS; n++) yield* appendAndWait(n % 2 === 0 ? growing : undefined)
      })
    )
    const all = yield* Stream.runCollect(host.store.readAll({ after }))
    return { each: count / APPENDS, seen, all }
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
  { streamId: StreamId.StreamId.make("other-1") },
  { streamId: growing }
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
        assert.lengthOf(many.all, APPENDS + 3)
        assert.deepStrictEqual(
          many.seen,
          filters.map((filter) => matching(many.all, filter))
        )
        assert.deepStrictEqual(
          many.seen.slice(0, kinds.length).map(({ length }) => length),
          [23, 12, 12, 0, 23, 0, 12, 0, 11]
        )
      })
    )
  }
)
