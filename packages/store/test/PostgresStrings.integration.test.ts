/**
 * Text that would be SQL if it left its quotes.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import * as EventId from "@daybook/kernel/EventId"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { FoldFingerprint } from "@daybook/store/FoldFingerprint"
import { SnapshotStore } from "@daybook/store/SnapshotStore"
import { assert, layer } from "@effect/vitest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { embedded, server } from "./postgresLayers.ts"

const hostile = [
  "'; DROP TABLE daybook.events; --",
  '"; DROP TABLE daybook.events; --',
  "\\'; DROP TABLE daybook.events; --",
  "'||(SELECT set_config('a.b', 'c', false))||'",
  "$$; DROP TABLE daybook.events; $$",
  "$1, $2) ON CONFLICT DO NOTHING; --",
  '{"a",NULL,b\\}',
  "/* */ -- ${schema} %I %s %%",
  "\u001b[2J\u0007\r\n\t",
  "' OR '1'='1",
  "\u02bc\uff07\u2019; DROP TABLE daybook.events; --",
  "NULL",
  ""
]

const cases = <E>(
  where: string,
  store: Layer.Layer<EventStore | SnapshotStore | SqlClient, E>
): void => {
  layer(store, { timeout: 60_000, excludeTestServices: true })(`Text ${where}`, (it) => {
    const tables = Effect.flatMap(
      SqlClient,
      (sql) =>
        sql`SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname = 'daybook' ORDER BY 2`
    )

    for (const text of hostile) {
      it.effect(`stays text: ${JSON.stringify(text)}`, () =>
        Effect.gen(function* () {
          const before = yield* tables
          const events = yield* EventStore
          const snapshots = yield* SnapshotStore
          const event = {
            id: EventId.make(SecureRandom.uuidV4Unsafe()),
            type: "Noted",
            schemaVersion: 1,
            data: { [text]: [text] },
            metadata: { actor: text, custom: { [text]: text } },
            occurredAt: DateTime.makeUnsafe(0)
          }
          const plain = `note-${SecureRandom.uuidV4Unsafe()}`
          // A name that the kernel refuses gets no further.
          const streamId = Result.getOrElse(StreamId.fromString(plain + text), () =>
            StreamId.StreamId.make(plain)
          )
          const append = { streamId, expected: ExpectedRevision.noStream, events: [event] } as const
          yield* events.append(append)
          const [read] = yield* Stream.runCollect(events.read(streamId))
          assert.deepInclude(read, { ...event, streamId })

          const again = { ...event, id: EventId.make(SecureRandom.uuidV4Unsafe()) }
          const conflict = yield* Effect.flip(events.append({ ...append, events: [again] }))
          assert.strictEqual(conflict._tag, "WrongExpectedRevision")
          const typed = { ...append, events: [{ ...again, type: text }] } as const
          const refusal = yield* Effect.flip(events.append(typed))
          assert.include(["AppendRefused", "WrongExpectedRevision"], refusal._tag)

          // As from an untyped caller.
          const categories = [text as StreamId.Category]
          for (const filter of [{ types: [text] }, { categories }]) {
            const found = yield* Effect.result(Stream.runCollect(events.readAll(filter)))
            if (Result.isSuccess(found)) assert.deepStrictEqual(found.success, [])
            else assert.strictEqual(found.failure._tag, "InvalidReadOption")
          }

          const snapshot = {
            streamId,
            revision: Revision.make(1),
            event: EventMark.at(event.id, 0),
            fingerprint: FoldFingerprint.make("0f".repeat(32)),
            state: { [text]: text }
          }
          yield* snapshots.save(snapshot)
          assert.deepStrictEqual(yield* snapshots.load(streamId), Option.some(snapshot))
          yield* snapshots.prune(snapshot, 1)
          yield* snapshots.delete(streamId)
          assert.deepStrictEqual(yield* tables, before)
        })
      )
    }
  })
}

cases("on a server", server)

cases("embedded", embedded)
