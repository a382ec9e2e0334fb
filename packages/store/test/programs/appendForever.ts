/**
 * Opens the embedded database in the folder that its argument names and appends to the stream `note-1`
 * until it is killed, writing each acknowledged revision on a line.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const store = yield* EventStore
  const random = yield* SecureRandom.SecureRandom
  const streamId = yield* Effect.fromResult(StreamId.fromString("note-1"))
  const append = Effect.gen(function* () {
    const event = {
      id: EventId.make(yield* random.uuidV4()),
      type: "Noted",
      schemaVersion: 1,
      data: {},
      metadata: {},
      occurredAt: yield* DateTime.now
    }
    const { revision } = yield* store.append({
      streamId,
      expected: ExpectedRevision.any,
      events: [event]
    })
    process.stdout.write(`${revision}\n`)
  })
  return yield* Effect.forever(append)
})

const layer = EventStorePostgres.layer.pipe(
  Layer.provide(PostgresMigrations.layer),
  Layer.provide(EmbeddedPostgres.layer({ dataDir: process.argv[2] })),
  Layer.provideMerge(SecureRandom.layerWebCrypto)
)

void Effect.runPromise(Effect.provide(program, layer))
