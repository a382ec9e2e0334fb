/**
 * Hosts that stand still in a transaction, as a stopped process does, and the others of the group.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import type { KeyChange } from "@daybook/reactors/driver/GroupDriver"
import { EventStore } from "@daybook/store/EventStore"
import { SchemaName } from "@daybook/store/PostgresSchema"
import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as Database from "../src/internal/postgres/database.ts"
import { driver } from "../src/internal/postgres/driver.ts"
import { server } from "./postgresLayers.ts"

const LEASE = 1_000
/** Below the limits that the server of the tests sets for every transaction. */
const timeout = 40_000

layer(server, { timeout: 60_000, excludeTestServices: true })("A host that freezes", (it) => {
  const opened = Effect.fnUntraced(function* (name: string) {
    yield* ConsumerGroups
    const sql = yield* SqlClient
    const { checkpoint } = yield* EventStore
    const start = yield* checkpoint
    const rows = driver(
      Database.make(sql, {
        schema: SchemaName.make("reactors"),
        log: SchemaName.make("daybook"),
        lease: LEASE
      })
    )
    yield* rows.open(name, {}, Effect.succeed(start))
    const take = (owner: string) =>
      rows.tick(name, { owner, lease: LEASE, draining: new Set(), released: new Set() })
    /** Does not end the transaction of the effect. */
    const freezing = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const isFrozen = yield* Deferred.make<A, E>()
        yield* Effect.forkScoped(
          sql.withTransaction(Effect.andThen(Deferred.into(effect, isFrozen), Effect.never))
        )
        return yield* Deferred.await(isFrozen)
      })
    return { name, start, rows, take, freezing }
  })

  /** Takes the group over while the first host stands still; a turn that waits too long is repeated. */
  const takenOver = ({ take }: Effect.Success<ReturnType<typeof opened>>) =>
    Effect.gen(function* () {
      const slots = yield* Effect.repeat(
        Effect.map(Effect.retry(take("two"), { times: 20 }), ({ own }) => own.length),
        { until: (count) => count > 0 }
      )
      assert.strictEqual(slots, 1)
    })

  it.effect(
    "in its turn does not hold the group for ever",
    () =>
      Effect.gen(function* () {
        const host = yield* opened("frozen_turn")
        yield* host.freezing(host.take("one"))
        yield* takenOver(host)
      }),
    timeout
  )

  it.effect(
    "in the commit of a checkpoint does not hold the group for ever",
    () =>
      Effect.gen(function* () {
        const host = yield* opened("frozen_commit")
        const [range] = (yield* host.take("one")).own
        if (range === undefined) return assert.fail("no range")
        const lease = { group: host.name, range, epoch: range.epoch }
        yield* host.freezing(host.rows.commit(lease, host.start, Effect.void))
        yield* takenOver(host)
      }),
    timeout
  )

  it.effect(
    "in the change of a held key does not hold the group for ever",
    () =>
      Effect.gen(function* () {
        const host = yield* opened("frozen_change")
        const [range] = (yield* host.take("one")).own
        if (range === undefined) return assert.fail("no range")
        const lease = { group: host.name, range, epoch: range.epoch }
        const held: KeyChange = {
          _tag: "Settle",
          key: "a",
          next: undefined
        }
        yield* host.freezing(host.rows.change(lease, held, Effect.void))
        yield* takenOver(host)
      }),
    timeout
  )
})
