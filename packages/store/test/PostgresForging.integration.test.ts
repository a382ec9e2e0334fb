/**
 * A writer calls the append function by hand, with arguments that no store would send.
 *
 * Whatever it sends, it can't choose positions, revisions or times of recording.
 */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { append as appendFunction } from "../src/internal/postgres/schema/functions/append.ts"
import { checkAppend } from "../src/internal/postgres/schema/functions/checkAppend.ts"
import { refuseArguments } from "../src/internal/postgres/schema/refuseArguments.ts"
import { append, appendOf, type Arguments, array, call, functions, uuid } from "./forgedCalls.ts"
import { note } from "./notes.ts"
import { Logins } from "./roleLogins.ts"

const inPairs = () => appendOf(1_000, (element) => () => array(2, element))

const changed = (events: number, change: (plain: Arguments) => Partial<Arguments>) => () => {
  const plain = appendOf(events)
  return { ...plain, ...change(plain) }
}

const tricks: ReadonlyArray<readonly [name: string, make: () => Arguments]> = [
  ["more events than it counts", changed(3, () => ({ counts: "{2}" }))],
  ["fewer events than it counts", changed(3, () => ({ counts: "{1000}" }))],
  ["more events than an append may have", () => appendOf(1_025)],
  ["ids in an array of arrays", inPairs],
  [
    "a negative count",
    changed(3, () => ({
      streams: `{forged-${uuid()},forged-${uuid()}}`,
      expected: "{-2,-2}",
      counts: "{-3,3}"
    }))
  ],
  [
    "a negative count and more of the same stream",
    changed(5, ({ streams }) => ({
      streams: `{${streams.slice(1, -1)},${streams.slice(1, -1)}}`,
      expected: "{-2,-2}",
      counts: "{-3,5}"
    }))
  ],
  ["a count of NULL", changed(3, () => ({ counts: "{NULL}" }))],
  ["no counts", changed(3, () => ({ counts: "{}" }))],
  [
    "arrays that begin at 0",
    changed(3, ({ ids, streams }) => ({ ids: `[0:2]=${ids}`, streams: `[0:0]=${streams}` }))
  ],
  [
    "arrays that begin below 0",
    changed(3, ({ ids, types }) => ({ ids: `[-5:-3]=${ids}`, types: `[-5:-3]=${types}` }))
  ],
  [
    "one stream twice",
    changed(2, ({ streams }) => ({
      streams: `{${streams.slice(1, -1)},${streams.slice(1, -1)}}`,
      expected: "{0,0}",
      counts: "{1,1}"
    }))
  ],
  ["one id twice", changed(2, ({ ids }) => ({ ids: `{${ids.slice(1, 37)},${ids.slice(1, 37)}}` }))],
  ["an expected revision below all", changed(1, () => ({ expected: "{-7}" }))],
  ["an expected revision of NULL", changed(1, () => ({ expected: "{NULL}" }))],
  ["a stream of NULL", changed(1, () => ({ streams: "{NULL}" }))]
]

/**
 * Events whose revision or position was not drawn, or that were recorded at a time other than now.
 */
const forgeries = (sql: SqlClient, after: unknown, began: unknown) => sql`
  SELECT position FROM (
    SELECT e.*, row_number() OVER (PARTITION BY stream_id ORDER BY position) AS place,
      (SELECT last_value FROM daybook.append_number) * 1024 AS newest
    FROM daybook.events e WHERE position > ${sql.literal(String(after))}
  ) n
  WHERE revision <> place OR position > newest
    OR recorded_at NOT BETWEEN ${began as Date} AND clock_timestamp()`

const kinds = [
  ["Append", Logins.layer],
  ["Append to partitions", Logins.layerPartitioned]
] as const

for (const [title, logins] of kinds) {
  layer(logins, { timeout: 60_000, excludeTestServices: true })(title, (it) => {
    const before = Effect.gen(function* () {
      const { superuser, writer } = yield* Logins
      const { position } = yield* note(writer)
      const events = yield* superuser`SELECT * FROM daybook.events ORDER BY position`
      const [now] = yield* superuser`SELECT date_trunc('milliseconds', clock_timestamp()) AS began`
      return { events, position, began: now?.["began"] }
    })

    for (const [name, parameters] of functions) {
      for (const allOrNone of [true, false]) {
        for (const [trick, make] of tricks) {
          it.effect(
            `keeps its promises when a writer sends ${trick} to ${name}, ${allOrNone ? "all or none" : "each alone"}`,
            () =>
              Effect.gen(function* () {
                const { superuser, writer } = yield* Logins
                const { began, events, position } = yield* before
                yield* Effect.result(call(writer, [name, parameters], make(), allOrNone))
                const after = yield* superuser`SELECT * FROM daybook.events ORDER BY position`
                assert.deepStrictEqual(after.slice(0, events.length), events)
                assert.deepStrictEqual(yield* forgeries(superuser, position, began), [])
                const next = yield* note(writer)
                const [newest] =
                  yield* superuser`SELECT max(position) AS newest FROM daybook.events`
                assert.deepStrictEqual(newest, { newest: next.position })
              })
          )
        }
      }
    }

    it.effect("would let ids in an array of arrays take the positions of later appends", () =>
      Effect.gen(function* () {
        const { superuser: sql } = yield* Logins
        const { began, position } = yield* before
        const checked = checkAppend('"daybook"')
        const unchecked = checked.replace(/IF array_ndims[^;]+;\s*END IF;/, "")
        assert.notStrictEqual(unchecked, checked)
        const appends = appendFunction('"daybook"')
        const careless = appends.replace(refuseArguments, "")
        assert.notStrictEqual(careless, appends)
        const found = yield* sql.unsafe(unchecked).pipe(
          Effect.andThen(sql.unsafe(careless)),
          Effect.andThen(call(sql, append, inPairs(), true)),
          Effect.andThen(forgeries(sql, position, began)),
          Effect.flatMap((rows) => Effect.fail(rows.length)),
          sql.withTransaction,
          Effect.flip
        )
        // 2,000 events, of which 1,024 fit.
        assert.strictEqual(found, 976)
      })
    )
  })
}
