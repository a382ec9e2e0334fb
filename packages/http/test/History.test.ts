import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as PassedOver from "@daybook/kernel/PassedOver"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import * as Upcaster from "@daybook/kernel/Upcaster"
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import { Away, book, Command } from "./library.ts"
import { ORIGIN, serve } from "./serve.ts"

/** The library after it retired an event, and split another. */
const codec = EventCodec.make({
  name: "book",
  events: Schema.TaggedUnion({ Lent: { to: Schema.String }, Returned: {} }),
  past: {
    Dusted: Upcaster.from(Schema.Struct({})).into(() => []),
    HandedOn: Upcaster.from(Schema.Struct({ to: Schema.String })).into(({ to }) => [
      { _tag: "Returned" as const },
      { _tag: "Lent" as const, to }
    ])
  }
})
const books = AggregateApi.make(
  { ...book, codec },
  { name: "books", command: Command, rejection: Away }
)
const api = HttpApi.make("library").add(books.group)

const BOOK = StreamId.make("book-1")
const params = { id: "1" }

const events = (first: number, ...given: ReadonlyArray<readonly [string, Schema.Json]>) =>
  Arr.map(
    given as Arr.NonEmptyReadonlyArray<readonly [string, Schema.Json]>,
    ([type, data], index): NewEvent => ({
      id: EventId.make(`00000000-0000-4000-8000-${String(first + index).padStart(12, "0")}`),
      type,
      schemaVersion: 1,
      data,
      metadata: {},
      occurredAt: DateTime.makeUnsafe(0)
    })
  )

const library = Effect.gen(function* () {
  let passOver: EventStoreMemory.PassOver = () => Effect.die("no log was built")
  const store = yield* EventStoreMemory.make.pipe(
    Effect.provideService(EventStoreMemory.OnBuilt, (_, given) => (passOver = given))
  )
  const read: Array<number> = []
  const counted = Layer.succeed(EventStore, {
    ...store,
    read: (...given) =>
      Stream.tap(store.read(...given), ({ revision }) => Effect.sync(() => read.push(revision)))
  })
  const { client: layer } = yield* serve(
    Host.layer(api, [books]).pipe(
      Layer.provide(CommandHandler.layer.pipe(Layer.provideMerge(counted))),
      Layer.provide(Layer.succeed(CachedStreams, 10))
    )
  )
  const client = yield* HttpApiClient.make(api, { baseUrl: ORIGIN }).pipe(Effect.provide(layer))
  return {
    client,
    read,
    append: (...given: Parameters<typeof events>) =>
      store.append({ streamId: BOOK, expected: ExpectedRevision.any, events: events(...given) }),
    passOver: (revision: number) =>
      Effect.flatMap(Stream.runHead(store.read(BOOK, { from: Revision.make(revision) })), (found) =>
        Effect.flatMap(Effect.fromOption(found), ({ id, position }) =>
          passOver({ position, eventId: id, actor: "Ada", reason: "it can't be read" })
        )
      )
  }
})

describe("the history", () => {
  it.effect("has every revision, also those whose events stand for nothing or for several", () =>
    Effect.gen(function* () {
      const { append, client, passOver } = yield* library
      yield* append(1, ["Lent", { to: "Ada" }], ["Dusted", {}], ["Smudged", {}])
      yield* append(4, ["HandedOn", { to: "Ben" }], ["Dusted", {}])
      yield* passOver(3)
      const pages: Array<ReadonlyArray<readonly [number, string, string | null]>> = []
      let after: Revision.Revision | undefined = Revision.empty
      while (after !== undefined) {
        const page: AggregateApi.History<string | null> = yield* client.books.history({
          params,
          query: { after, limit: 2 }
        })
        pages.push(page.entries.map(({ event, state }) => [event.revision, event.type, state]))
        after = page.next
      }
      assert.deepStrictEqual(pages, [
        [
          [1, "Lent", "Ada"],
          [2, "Dusted", "Ada"]
        ],
        [
          [3, PassedOver.TYPE, "Ada"],
          [4, "HandedOn", "Ben"]
        ],
        [[5, "Dusted", "Ben"]]
      ])
    })
  )

  it.effect("exists for an instance whose events all stand for nothing", () =>
    Effect.gen(function* () {
      const { append, client } = yield* library
      yield* append(1, ["Dusted", {}])
      const { entries, next } = yield* client.books.history({ params, query: {} })
      assert.deepStrictEqual(
        entries.map(({ state }) => state),
        [null]
      )
      assert.isUndefined(next)
    })
  )

  it.effect("ends after the last event, and of an instance without events is unknown", () =>
    Effect.gen(function* () {
      const { append, client } = yield* library
      const query = { after: Revision.make(7) }
      const unknown = yield* Effect.flip(client.books.history({ params, query }))
      assert.strictEqual(unknown._tag, "Unknown")
      yield* append(1, ["Lent", { to: "Ada" }])
      assert.deepStrictEqual(yield* client.books.history({ params, query }), { entries: [] })
    })
  )

  it.effect("reads no event again that a known state includes", () =>
    Effect.gen(function* () {
      const { append, client, read } = yield* library
      yield* append(1, ["Lent", { to: "Ada" }])
      for (let revision = 2; revision < 30; revision++) yield* append(revision, ["Dusted", {}])
      // The handler keeps the state of a stream that it has loaded.
      yield* client.books.state({ params, query: {} })
      yield* append(30, ["Returned", {}], ["Lent", { to: "Ben" }])
      read.length = 0
      const { entries } = yield* client.books.history({
        params,
        query: { after: Revision.make(29) }
      })
      assert.deepStrictEqual(
        entries.map(({ event, state }) => [event.revision, state]),
        [
          [Revision.make(30), null],
          [Revision.make(31), "Ben"]
        ]
      )
      // The event of the known state is read again, which proves that the log still has it.
      assert.deepStrictEqual(read, [29, 30, 31])
    })
  )
})
