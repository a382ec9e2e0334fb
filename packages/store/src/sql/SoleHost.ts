/**
 * Work of a host that has its database to itself: an embedded database, whose folder the operating
 * system locks.
 *
 * A lease or other trace of an earlier host there is from a dead one. This needs no clock and no
 * process id: otherwise the database could not be open.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Duplex } from "node:stream"
import { sharesOneSession } from "../internal/postgres/embedded/duplex.ts"
import { isPgClient } from "../internal/postgres/sql/isPgClient.ts"

/**
 * Returns true if the database of `sql` is embedded, so that no other process or thread has it
 * open.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSole = (sql: SqlClient): boolean => soleStream(sql) !== undefined

/**
 * Runs `effect` once since the database of `sql` was opened, if it {@link isSole}, and does nothing
 * otherwise.
 *
 * **Details**
 * `key`: names the work; each key runs once. Concurrent callers wait until it has ended. If it
 * fails, the next caller runs it again. Do not call it in a transaction: the running call may need
 * the only connection.
 *
 * @category operations
 * @since 0.1.0
 */
export const onceOpened = <E, R>(
  sql: SqlClient,
  key: string,
  effect: Effect.Effect<unknown, E, R>
): Effect.Effect<void, E, R> =>
  Effect.suspend(() => {
    const stream = soleStream(sql)
    if (stream === undefined) return Effect.void
    const work = workOf(stream, key)
    if (work.done) return Effect.void
    const run = Effect.suspend(() =>
      work.done ? Effect.void : Effect.tap(effect, () => Effect.sync(() => (work.done = true)))
    )
    return Effect.asVoid(Semaphore.withPermits(work.turn, 1)(run))
  })

interface Work {
  readonly turn: Semaphore.Semaphore
  done: boolean
}

/** Keyed by the function that opens connections: each opened database has its own. */
const works = new WeakMap<() => Duplex, Map<string, Work>>()

const workOf = (stream: () => Duplex, key: string): Work => {
  const ofDatabase = works.get(stream) ?? new Map<string, Work>()
  works.set(stream, ofDatabase)
  const work = ofDatabase.get(key) ?? { turn: Semaphore.makeUnsafe(1), done: false }
  ofDatabase.set(key, work)
  return work
}

const soleStream = (sql: SqlClient): (() => Duplex) | undefined => {
  const stream = isPgClient(sql) ? sql.config.stream : undefined
  return stream !== undefined && sharesOneSession(stream) ? stream : undefined
}
