/**
 * The rows that a writer may store, and their places: findings of the security review of November
 * 2026 about rows that stop readers and about revisions that a writer chooses, each from the
 * attacker's side.
 */
import * as PostgresPassOver from "@daybook/store/PostgresPassOver"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import { CommandHandler } from "@daybook/store/CommandHandler"
import {
  EventStore,
  EventStoreError,
  WrongExpectedRevision,
  UnreadableEvent
} from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { aggregate, deposit } from "./Account.ts"
import {
  allFunctions,
  type Arguments,
  appendOf,
  call,
  functions,
  one,
  uuid
} from "./forgedCalls.ts"
import { Logins } from "./roleLogins.ts"

const kinds = [
  ["a log of one table", Logins.layer],
  ["a log in partitions", Logins.layerPartitioned]
] as const

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

/** Returns the SQLSTATE of an error. */
const codeOf = (error: { readonly reason: { readonly cause: unknown } }): unknown =>
  Reflect.get(Object(error.reason.cause), "code")

const tryAppend = ["try_append", ""] as const

const CHECK_VIOLATION = "23514"

/** Returns an event to a stream of its own, with one of its fields as an attacker would set it. */
const event = (fields: Partial<Arguments>): Arguments => ({ ...appendOf(1), ...fields })

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)

/** Values that the library refuses, each with the check of the database that refuses it too. */
const refused: ReadonlyArray<readonly [what: string, fields: Partial<Arguments>, check: string]> = [
  ...["null", "5", "[]", '"text"', "true"].map(
    (text) => [`S1: metadata ${text}`, { metadata: one(text) }, "events_metadata_shape"] as const
  ),
  ...[
    '{"unknown":1}',
    '{"unknown":"text"}',
    '{"actor":1}',
    '{"actor":null}',
    '{"actor":"a\\"b","unknown":"c"}',
    '{"custom":"text"}',
    '{"custom":[]}',
    '{"commandId":"no UUID"}',
    '{"commandId":"-"}',
    '{"commandId":"0b7f2b9e8a874d2c9d0e2d2d2d2d2d2d"}',
    '{"commandId":"0b7f2b9e-8a87-4d2c-9d0e-2d2d2d2d2d2d0"}',
    '{"actor":"a \\"b\\"","commandId":"0b7f2b9e-8a87-4d2c-9d0e"}'
  ].map(
    (text) => [`S14: metadata ${text}`, { metadata: one(text) }, "events_metadata_shape"] as const
  ),
  [
    "S14: metadata nested deeper than 128",
    { metadata: one(`{"custom":{"a":${nested(127)}}}`) },
    "events_metadata_depth"
  ],
  ...[
    "",
    "counter",
    "counter-",
    "1-a",
    "-a",
    "counter-a\nb",
    "counter-a\n",
    "counter-a\u001b[31m",
    "counter-\u007f",
    "counter-\u0085",
    "counter-\u2028",
    "counter-\u2029",
    "counter-\u202e",
    "counter-\u2066",
    "counter-\u200f",
    "counter-\u061c",
    `${"c".repeat(65)}-a`,
    `counter-${"a".repeat(201)}`,
    `counter-${"\u{1f600}".repeat(101)}`
  ].map(
    (id) =>
      [
        `S14: stream id ${JSON.stringify(id).slice(0, 40)}`,
        { streams: one(id) },
        "events_stream_id_check"
      ] as const
  ),
  ...[
    "",
    "1",
    "Counted\u001b[31m",
    "Counted\n",
    "Counted ",
    "C".repeat(201),
    "daybook.passed-over"
  ].map(
    (type) =>
      [
        `S14: type ${JSON.stringify(type).slice(0, 40)}`,
        { types: one(type) },
        "events_type_check"
      ] as const
  ),
  ["S14: data nested 129 deep", { data: one(nested(129)) }, "events_data_depth"],
  ["S14: data nested 6,000 deep", { data: one(nested(6_000)) }, "events_data_depth"],
  [
    "S14: data of 129 objects in one another",
    { data: one(`${'{"a":'.repeat(129)}1${"}".repeat(129)}`) },
    "events_data_depth"
  ],
  ...['{"s":"\\u0000"}', '"\\ud800"', '["\\uDfFf"]', '{"\\u0000":1}', '["\\ude00\\ud83d"]'].map(
    (text) => [`S14: data ${text}`, { data: one(text) }, "events_data_text"] as const
  ),
  ...['{"actor":"\\u0000"}', '{"custom":{"s":"\\udc00"}}'].map(
    (text) => [`S14: metadata ${text}`, { metadata: one(text) }, "events_metadata_text"] as const
  ),
  ["S14: version 0", { versions: "{0}" }, "events_schema_version_check"]
]

/** Values at the limits that the library accepts. */
const accepted: ReadonlyArray<readonly [what: string, fields: Partial<Arguments>]> = [
  [
    "metadata of all fields",
    {
      metadata: one(
        '{"actor":"a \\"b\\"","causationId":"c","correlationId":"","custom":{"n":[1]},"traceparent":"00-a-b-01",' +
          '"tracestate":"x=y","commandId":"0b7f2b9e-8a87-4d2c-9d0e-2d2d2d2d2d2d"}'
      )
    }
  ],
  ["metadata with blanks", { metadata: one('{ "actor" : "x" }') }],
  [
    "metadata of a command",
    {
      metadata: one('{"actor":"clerk","commandId":"0b7f2b9e-8a87-4d2c-9d0e-2d2d2d2d2d2d"}')
    }
  ],
  [
    "data of escapes",
    { data: one('["\\u001f", "\\\\u0000", "\\\\ud800", "\\ud83d\\ude00", "\\uD83D\\uDE00"]') }
  ],
  ["a long category", { streams: one(`${"c".repeat(64)}-a`) }],
  ["a long id", { streams: one(`a_1-${"b".repeat(200)}`) }],
  ["a long id of wide characters", { streams: one(`wide-${"\u6f22".repeat(200)}`) }],
  ["a long id of characters of two units", { streams: one(`wide-${"\u{1f600}".repeat(100)}`) }],
  ["an id with blanks and dashes", { streams: one(`wide- -\u00a0-`) }],
  ["a type of all characters", { types: one("Az0_.:/-") }],
  ["data nested 128 deep", { data: one(nested(128)) }],
  [
    "data nested 128 deep around 2,000 objects",
    {
      data: one(
        `${"[".repeat(126)}${Array.from({ length: 2_000 }, () => '{"a":[]}').join(",")}${"]".repeat(126)}`
      )
    }
  ]
]

for (const [title, logins] of kinds) {
  layer(logins, { timeout: 120_000, excludeTestServices: true })(`Rows of ${title}`, (it) => {
    for (const fn of allFunctions) {
      for (const [what, fields, check] of refused) {
        it.effect(`${what} is refused to a writer who calls ${fn[0]}`, () =>
          Effect.gen(function* () {
            const { writer } = yield* Logins
            const error = yield* Effect.flip(call(writer, fn, event(fields), false))
            assert.strictEqual(codeOf(error), CHECK_VIOLATION, String(error.reason.cause))
            assert.include(String(error.reason.cause), check)
          })
        )
      }

      for (const [what, fields] of accepted) {
        it.effect(`S14: ${what} is accepted by ${fn[0]}, as by the library`, () =>
          Effect.gen(function* () {
            const { writer } = yield* Logins
            yield* call(writer, fn, event({ ...fields, ...fresh(fields) }), false)
          })
        )
      }
    }

    for (const fn of functions) {
      it.effect(`S14: more than 16 MiB in a call are refused by ${fn[0]}, and no byte less`, () =>
        Effect.gen(function* () {
          const { writer } = yield* Logins
          // 17 events of less than 1 MiB with metadata of 2 bytes.
          const sized = (bytes: number) => {
            const data = Array.from({ length: 17 }, (_, n) => {
              const size = n === 0 ? bytes - 16 * 1_000_000 : 1_000_000
              return `"\\"${"x".repeat(size - 4)}\\""`
            })
            return { ...appendOf(17), data: `{${data.join(",")}}` }
          }
          yield* call(writer, fn, sized(16_777_216), false)
          const error = yield* Effect.flip(call(writer, fn, sized(16_777_217), false))
          assert.strictEqual(codeOf(error), "54000")
        })
      )

      for (const allOrNone of [true, false]) {
        it.effect(
          `S5: no event gets into the past of a stream by ${fn[0]}, ${allOrNone ? "all or none" : "each alone"}`,
          () =>
            Effect.gen(function* () {
              const { reader, writer } = yield* Logins
              const id = `counter-${uuid()}`
              // In one call each, so that in partitions they are in at least two of them.
              for (let n = 0; n < 12; n++) {
                yield* call(writer, fn, event({ streams: one(id) }), false)
              }
              const store = yield* storeOf(reader)
              const streamId = StreamId.StreamId.make(id)
              const before = yield* Stream.runCollect(store.read(streamId))
              assert.deepStrictEqual(
                before.map(({ revision }) => Number(revision)),
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
              )
              for (const counts of [
                "{-5,1}",
                "{1,-5}",
                "{NULL,1}",
                "{2,-1}",
                "{2147483647,1}",
                "{0,0}",
                "{1}"
              ]) {
                const forged = {
                  ...appendOf(1),
                  streams: `{${id},${id}}`,
                  expected: "{-2,-2}",
                  counts
                }
                const error = yield* Effect.flip(call(writer, fn, forged, allOrNone))
                assert.strictEqual(codeOf(error), "2202E", counts)
              }
              assert.deepStrictEqual(yield* Stream.runCollect(store.read(streamId)), before)
            })
        )
      }

      it.effect(`S5: ${fn[0]} makes no rows of counts that have no events`, () =>
        Effect.gen(function* () {
          const { writer } = yield* Logins
          const error = yield* Effect.flip(
            call(writer, fn, { ...appendOf(1), counts: "{2147483647}" }, true)
          )
          assert.strictEqual(codeOf(error), "2202E")
        })
      )
    }
  })
}

/** Adds a stream of its own, if the case does not name one. */
const fresh = (fields: Partial<Arguments>): Partial<Arguments> =>
  fields.streams === undefined ? {} : { expected: "{-2}" }

/** Drops the checks of the database as the superuser, as a restore by hand may. */
const unchecked = (superuser: SqlClient) =>
  superuser.unsafe(`DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conname, conrelid::regclass AS of FROM pg_constraint
      WHERE conrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'daybook'::regnamespace AND relname = 'events')
        AND contype = 'c'
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname); END LOOP;
  END $$`).unprepared

for (const [title, logins] of kinds) {
  layer(logins, { timeout: 120_000, excludeTestServices: true })(
    `A row that no store would append, in ${title}`,
    (it) => {
      it.effect("S1: ends each reader with its position, until readers pass over it", () =>
        Effect.gen(function* () {
          const { migrator, reader, superuser, writer } = yield* Logins
          yield* unchecked(superuser)
          const id = `account-${uuid()}`
          const streamId = StreamId.StreamId.make(id)
          const data = one('{"amount":5}')
          const types = "{Deposited}"
          const events = [uuid(), uuid(), uuid()]
          for (const [index, metadata] of ["{}", "null", "{}"].entries()) {
            const fields = {
              streams: one(id),
              ids: `{${events[index]}}`,
              metadata: one(metadata),
              data,
              types
            }
            yield* call(writer, tryAppend, event(fields), false)
          }
          const store = yield* storeOf(reader)
          const [bad] = yield* reader<{ readonly position: bigint }>`
            SELECT position FROM daybook.events WHERE event_id = ${events[1] ?? ""}::uuid`
          const position = Position.make(bad?.position ?? 0n)
          const readers = {
            "readAll forward": store.readAll(),
            "readAll backward": store.readAll({ direction: "backward" }),
            "readAll of a category": store.readAll({ categories: [StreamId.category(streamId)] }),
            "read forward": store.read(streamId),
            "read backward": store.read(streamId, { direction: "backward" }),
            "read from it": store.read(streamId, { from: Revision.make(2), limit: 1 }),
            subscribe: store.subscribe(),
            "subscribe to the stream": store.subscribe({ streamId })
          }
          for (const [name, events] of Object.entries(readers)) {
            const error = yield* Effect.flip(Stream.runDrain(events))
            if (!(error instanceof EventStoreError)) return assert.fail(name)
            if (!(error.cause instanceof UnreadableEvent)) return assert.fail(name)
            assert.strictEqual(error.cause.position, position, name)
            assert.strictEqual(error.cause.streamId, id, name)
            assert.strictEqual(error.cause.revision, 2, name)
            assert.include(error.message, `position ${position}`, name)
          }
          const handler = yield* handlerOf(writer)
          const failed = yield* Effect.flip(
            handler.execute(aggregate, StreamId.id(streamId), deposit(1))
          )
          assert.strictEqual(failed._tag, "EventStoreError")
          assert.include(failed.message, `position ${position}`)

          const given = {
            position,
            eventId: EventId.make(events[1] ?? ""),
            actor: "ann",
            reason: "its metadata is null"
          }
          for (const sql of [reader, writer]) {
            const error = yield* Effect.flip(
              Effect.provideService(PostgresPassOver.passOver(given), SqlClient, sql)
            )
            assert.strictEqual(error._tag, "SqlError")
          }
          const passed = yield* Effect.provideService(
            PostgresPassOver.passOver(given),
            SqlClient,
            migrator
          )
          assert.deepInclude(passed, given)
          const read = yield* Stream.runCollect(store.read(streamId))
          assert.deepStrictEqual(
            read.map(({ id, revision, type }) => [String(id), Number(revision), type]),
            [
              [events[0], 1, "Deposited"],
              [events[1], 2, "daybook.passed-over"],
              [events[2], 3, "Deposited"]
            ]
          )
          assert.deepStrictEqual(yield* Stream.runCollect(store.readAll()), read)
          assert.deepStrictEqual(
            yield* Stream.runCollect(Stream.take(store.subscribe({ streamId }), 3)),
            read
          )
          const executed = yield* handler.execute(aggregate, StreamId.id(streamId), deposit(1))
          assert.deepStrictEqual([executed.state, Number(executed.revision)], [{ balance: 11 }, 4])
          const acts = yield* reader`SELECT act, subject, actor, reason, login FROM daybook.acts
            WHERE act = 'pass over'`
          assert.deepStrictEqual(acts, [
            {
              act: "pass over",
              subject: `event ${position}`,
              actor: "ann",
              reason: "its metadata is null",
              login: passed.login
            }
          ])
          for (const statement of [
            "DELETE FROM daybook.passed_over",
            "UPDATE daybook.passed_over SET actor = 'bob'",
            "TRUNCATE daybook.passed_over"
          ]) {
            const error = yield* Effect.flip(superuser.unsafe(statement))
            assert.include(String(error.reason.cause), "refused", statement)
          }
        })
      )

      it.effect("S14: fails commands on its stream, typed, with its position and its stream", () =>
        Effect.gen(function* () {
          const { superuser, writer } = yield* Logins
          yield* unchecked(superuser)
          const id = `account-${uuid()}`
          const type = "Counted\u001b[31m\n"
          yield* call(writer, tryAppend, event({ streams: one(id), types: one(type) }), false)
          const [bad] = yield* writer<{ readonly position: bigint }>`
            SELECT position FROM daybook.events WHERE stream_id = ${id}`
          const handler = yield* handlerOf(writer)
          const key = id.slice("account-".length)
          const failed = yield* Effect.flip(handler.execute(aggregate, key, deposit(1)))
          if (!(failed instanceof EventCodec.EventDecodeError)) return assert.fail(String(failed))
          assert.deepStrictEqual(
            [failed.streamId, failed.revision, failed.position, failed.type],
            [id, 1, bad?.position, type]
          )
          // A conflict carries the event.
          const store = yield* storeOf(writer)
          const conflict = yield* Effect.flip(
            store.append({
              streamId: StreamId.StreamId.make(id),
              expected: ExpectedRevision.noStream,
              events: [
                {
                  id: EventId.make(uuid()),
                  type: "Deposited",
                  schemaVersion: 1,
                  data: {},
                  metadata: {},
                  occurredAt: DateTime.makeUnsafe(0)
                }
              ]
            })
          )
          if (!(conflict instanceof WrongExpectedRevision)) return assert.fail(String(conflict))
          assert.deepStrictEqual(
            conflict.between.map((event) => [event.type, Number(event.revision)]),
            [[type, 1]]
          )
        })
      )
    }
  )
}

const handlerOf = (sql: SqlClient) =>
  Effect.gen(function* () {
    const store = Layer.succeed(EventStore, yield* storeOf(sql))
    const built = yield* Layer.build(Layer.provide(Layer.fresh(CommandHandler.layer), store))
    return Context.get(built, CommandHandler)
  })
