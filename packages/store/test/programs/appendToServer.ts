/**
 * A host that appends to the log at `DATABASE_URL` and writes the id of each acknowledged event on a line.
 *
 * `hold` appends in a transaction and leaves that open; `single` appends until it is killed, without transactions
 * of its own; a number is how many appends to make, some of them in transactions, some of those rolled back.
 */
import * as EventId from "@daybook/kernel/EventId"
import type { NewEvent } from "@daybook/kernel/NewEvent"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Postgres from "@daybook/store/Postgres"
import * as Arr from "effect/Array"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"

const newEvents = (count: number): Arr.NonEmptyArray<NewEvent> =>
  Arr.makeBy(count, () => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))

const say = (events: ReadonlyArray<NewEvent>) =>
  Effect.sync(() => process.stdout.write(events.map(({ id }) => `${id}\n`).join("")))

const program = Effect.gen(function* () {
  const store = yield* EventStore
  const sql = yield* SqlClient
  const [, , mode] = process.argv
  const append = Effect.fnUntraced(function* (events: Arr.NonEmptyArray<NewEvent>) {
    const streamId = StreamId.StreamId.make(`note-${SecureRandom.uuidV4Unsafe()}`)
    yield* store.append({ streamId, expected: ExpectedRevision.any, events })
  })
  const once = Effect.fnUntraced(function* (n: number) {
    const events = newEvents(1 + (n % 3))
    if (mode === "single") return yield* Effect.andThen(append(events), say(events))
    if (n % 7 === 0) {
      const undone = Effect.andThen(append(events), Effect.fail("rolled back"))
      return yield* Effect.ignore(sql.withTransaction(undone))
    }
    // Between the append and its commit others append and commit.
    yield* n % 5 === 0
      ? sql.withTransaction(Effect.andThen(append(events), sql`SELECT pg_sleep(0.002)`))
      : append(events)
    yield* say(events)
  })
  if (mode === "hold") {
    const events = newEvents(1)
    const held = Effect.andThen(append(events), Effect.andThen(say(events), Effect.never))
    return yield* sql.withTransaction(held)
  }
  const appends = mode === "single" ? Number.POSITIVE_INFINITY : Number(mode)
  let n = 0
  const writer = Effect.gen(function* () {
    while (n < appends) yield* once(++n)
  })
  yield* Effect.replicateEffect(writer, 3, { concurrency: 3, discard: true })
})

const layer = EventStorePostgres.layer.pipe(Layer.provideMerge(Postgres.layer))

void Effect.runPromise(Effect.provide(program, layer))
