/**
 * Announcements of appends that come from no append: finding S2 of the security review of November
 * 2026, from the side of a login that may do nothing.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as StreamId from "@daybook/kernel/StreamId"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as PostgresHealth from "@daybook/store/PostgresHealth"
import * as PostgresLocks from "@daybook/store/PostgresLocks"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import { assert, layer } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { takeByNumber } from "./locksByNumber.ts"
import { noteIn } from "./notes.ts"
import { Logins } from "./roleLogins.ts"

/** A host that waits for nothing. */
const hasty: PostgresLocks.Waits = {
  reads: Duration.zero,
  appends: Duration.zero,
  changes: Duration.zero
}

const storeOf = (sql: SqlClient) => Effect.provideService(EventStorePostgres.make, SqlClient, sql)

const hastyStoreOf = (sql: SqlClient) =>
  Effect.provideService(storeOf(sql), PostgresLocks.Patience, hasty)

const appendOf = (streamId: string, count: number) => ({
  streamId: StreamId.StreamId.make(streamId),
  expected: ExpectedRevision.any,
  events: Arr.makeBy(count, () => ({
    id: EventId.make(SecureRandom.uuidV4Unsafe()),
    type: "Noted",
    schemaVersion: 1,
    data: {},
    metadata: {},
    occurredAt: DateTime.makeUnsafe(0)
  }))
})

for (const [log, logins] of [
  ["a log", Logins.layer],
  ["a log in partitions", Logins.layerPartitioned]
] as const) {
  layer(logins, { timeout: 120_000, excludeTestServices: true })(`S2: ${log}`, (it) => {
    it.effect("S2: is whole while a stranger has each lock that it can take by numbers", () =>
      Effect.gen(function* () {
        const { reader, stranger, writer } = yield* Logins
        const store = yield* hastyStoreOf(reader)
        const hosts = yield* storeOf(writer)
        const before = yield* Stream.runCount(store.readAll())
        for (let i = 0; i < 5; i++) yield* noteIn(hosts)
        yield* stranger.withTransaction(
          Effect.gen(function* () {
            const held = yield* takeByNumber(stranger)
            assert.deepStrictEqual(held, [
              "append_number AccessShareLock",
              "append_number RowExclusiveLock",
              "events AccessShareLock",
              "events RowExclusiveLock"
            ])
            assert.strictEqual(yield* Stream.runCount(store.readAll()), before + 5)
            assert.strictEqual((yield* store.backlog()).events, before + 5)
            const { position } = yield* noteIn(hosts)
            const settled = yield* store.head
            assert.isTrue(settled >= position)
            // An open append holds the log back, and is the only one that the error names.
            const error = yield* writer.withTransaction(
              Effect.gen(function* () {
                yield* noteIn(hosts)
                return yield* Effect.flip(store.head)
              })
            )
            const { cause } = error
            if (!(cause instanceof PostgresLocks.HeldBack)) return assert.fail(String(error))
            assert.strictEqual(cause.settled, settled)
            assert.strictEqual(cause.holders.length, 1)
            assert.include(cause.holders[0]?.user ?? "", "writing_host")
          })
        )
      })
    )

    it.effect("S2: is held back by each kind of append from its announcement on", () =>
      Effect.gen(function* () {
        const { reader, writer } = yield* Logins
        const store = yield* hastyStoreOf(reader)
        const hosts = yield* storeOf(writer)
        const id = SecureRandom.uuidV4Unsafe()
        yield* hosts.append(appendOf("open-0", 1))
        for (const [what, append] of [
          ["one event", hosts.append(appendOf("open-1", 1))],
          ["events", hosts.append(appendOf("open-2", 3))],
          [
            "all or none",
            hosts.appendAll({ appends: [appendOf("open-3", 1), appendOf("open-4", 2)] })
          ],
          // PostgreSQL may keep a plan from the sixth call on.
          ...Arr.makeBy(7, (i) => [`call ${i}`, hosts.append(appendOf("open-5", 1))] as const),
          [
            "the function that checks each append",
            writer.unsafe(`SELECT FROM daybook.append('{open-6}', '{-2}', '{1}', '{${id}}', '{Noted}', '{1}',
              '{1}', '{"{}"}', '{2026-01-01}', false, 0)`)
          ],
          ...Arr.makeBy(
            7,
            (i) =>
              [
                `the function of one event, call ${i}`,
                Effect.map(
                  writer.unsafe(
                    `SELECT revision FROM daybook.try_append_event('open-9', $1, $2, 'Noted', 1::smallint, '1', '{}', '2026-01-01')`,
                    [PgTypes.int8(BigInt(i)), SecureRandom.uuidV4Unsafe()]
                  ),
                  (rows) => assert.deepStrictEqual(rows, [{ revision: i + 1 }])
                )
              ] as const
          )
        ] as const) {
          const settled = yield* store.head
          yield* writer.withTransaction(
            Effect.gen(function* () {
              yield* append
              const error = yield* Effect.flip(store.head)
              assert.deepInclude(error.cause, { _tag: "HeldBack", settled }, what)
            })
          )
          assert.isTrue((yield* store.head) > settled, what)
        }
      })
    )

    for (const [call, mode = "RowShareLock"] of [
      [
        "try_append_event('open-7', -2, 'ID', 'Noted', 1::smallint, '1', '{}', '2026-01-01')",
        // The statement takes both locks before it runs.
        "RowExclusiveLock"
      ],
      [
        "try_append('{open-7}', '{-2}', '{1}', '{ID}', '{Noted}', '{1}', '{1}', '{{}}', '{2026-01-01}', false)"
      ],
      [
        "try_append('{open-7,open-8}', '{-2,-2}', '{1,0}', '{ID}', '{Noted}', '{1}', '{1}', '{{}}', '{2026-01-01}', false)"
      ],
      [
        "append('{open-7}', '{-2}', '{1}', '{ID}', '{Noted}', '{1}', '{1}', '{{}}', '{2026-01-01}', false, 0)"
      ]
    ] as ReadonlyArray<readonly [call: string, mode?: string]>) {
      it.effect(`S2: an append locks the table before it announces itself: ${call}`, () =>
        Effect.gen(function* () {
          const { superuser, writer } = yield* Logins
          const text = call.replace("ID", SecureRandom.uuidV4Unsafe()).replace("{{}}", '{"{}"}')
          const [waiting, announced] = yield* superuser.withTransaction(
            Effect.gen(function* () {
              yield* superuser`LOCK TABLE daybook.events IN EXCLUSIVE MODE`
              yield* Effect.forkScoped(writer.unsafe(`SELECT FROM daybook.${text}`))
              const waiting = yield* Effect.repeat(
                superuser`SELECT mode FROM pg_locks
                  WHERE NOT granted AND relation = 'daybook.events'::regclass`,
                { until: ({ length }) => length > 0 }
              )
              const announced = yield* superuser`SELECT FROM pg_locks WHERE locktype = 'advisory'
                AND objsubid = 2 AND classid = 'daybook.append_number'::regclass`
              return [waiting, announced] as const
            })
          )
          assert.deepStrictEqual(waiting, [{ mode }])
          assert.deepStrictEqual(announced, [])
        }).pipe(Effect.scoped)
      )
    }

    it.effect("S2: moves into further partitions after a stranger's locks have ended", () =>
      Effect.gen(function* () {
        const { migrator, reader, stranger } = yield* Logins
        yield* stranger.withTransaction(takeByNumber(stranger))
        yield* Effect.provideService(
          PostgresPartitions.partition({ appendsPerPartition: 7, ahead: 3 }),
          SqlClient,
          migrator
        )
        const findings = yield* Effect.provideService(PostgresHealth.check, SqlClient, reader)
        assert.deepStrictEqual(findings, [])
      })
    )
  })
}
