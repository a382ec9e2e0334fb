/**
 * Keys of commands on a log in PostgreSQL that several hosts write to.
 */
import * as AggregateApi from "@daybook/http/AggregateApi"
import * as Host from "@daybook/http/Host"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as HttpApi from "effect/http-api/HttpApi"
import type { SqlClient } from "effect/sql/SqlClient"
import { Away, book, Command } from "./library.ts"
import { serve } from "./serve.ts"

const books = AggregateApi.make(book, { name: "books", command: Command, rejection: Away })
const api = HttpApi.make("library").add(books.group)

const database = PostgresMigrations.layer.pipe(Layer.provideMerge(EmbeddedPostgres.layer()))

/** Serves the library on a store of its own, over the log of the database. */
const host = (database: Layer.Layer<SqlClient>, change = (store: EventStore["Service"]) => store) =>
  serve(
    Host.layer(api, [books]).pipe(
      Layer.provide(CommandHandler.layer),
      Layer.provide(Layer.effect(EventStore, Effect.map(EventStorePostgres.make, change))),
      Layer.provide(database)
    )
  )

const recorded = EventStorePostgres.make.pipe(
  Effect.flatMap((store) => Stream.runCollect(store.readAll()))
)

const lend = {
  json: { _tag: "Lend", to: "Ada" },
  headers: { "idempotency-key": "loan-1" }
}

describe("a key on a log of several hosts", () => {
  it.effect("takes effect once, sent to two hosts at the same time", () =>
    Effect.gen(function* () {
      const shared = Layer.succeedContext(yield* Layer.build(database))
      const hosts = [yield* host(shared), yield* host(shared)]
      const answers = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, index) => hosts[index % 2]),
        (to) => to?.send("POST", "/books/1/commands", lend) ?? Effect.die("no host"),
        { concurrency: "unbounded" }
      )
      assert.isTrue(answers.every(({ status }) => status === 200))
      const bodies = answers.map(({ json }) => json as typeof AggregateApi.Executed.Encoded)
      assert.lengthOf(
        bodies.filter(({ repeated }) => repeated),
        7
      )
      // Each has the answer of the one that took effect.
      assert.lengthOf(new Set(bodies.map(({ position, revision }) => `${position} ${revision}`)), 1)
      assert.lengthOf(yield* Effect.provide(recorded, shared), 1)
    })
  )

  it.effect("is repeated after an append whose answer was lost", () =>
    Effect.gen(function* () {
      const shared = Layer.succeedContext(yield* Layer.build(database))
      let answersLost = 1
      const { send } = yield* host(shared, (store) =>
        EventStore.of({
          ...store,
          append: (given) =>
            Effect.flatMap(store.append(given), (appended) =>
              answersLost-- > 0
                ? Effect.fail(
                    new EventStoreError({ operation: "append", cause: "the connection was lost" })
                  )
                : Effect.succeed(appended)
            )
        })
      )
      const lost = yield* send("POST", "/books/1/commands", lend)
      assert.strictEqual(lost.status, 503)
      assert.strictEqual(lost.headers.get("retry-after"), "1")
      const again = yield* send("POST", "/books/1/commands", lend)
      assert.strictEqual(again.status, 200)
      assert.propertyVal(again.json, "repeated", true)
      assert.propertyVal(again.json, "revision", 1)
      assert.lengthOf(yield* Effect.provide(recorded, shared), 1)
    })
  )
})
