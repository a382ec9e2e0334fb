/**
 * Users of the same database with fewer rights than a host, which try to do more: strangers,
 * readers of rows, readers of the log, maintainers of read models and writers, each with SQL of
 * their own, at random and side by side.
 *
 * Most of their attempts are refused, with the error that says so. They also do for a while the
 * things that PostgreSQL refuses to no user (advisory locks, notifications, open transactions):
 * hosts must continue to work.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { SqlClient } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import { attacks } from "../../../store/test/attacks.ts"
import { forgeries } from "./forgeries.ts"
import { type Actor, type Hostiles, roles } from "./users.ts"

/** One action of an actor. */
interface Move {
  readonly name: string
  readonly actors: ReadonlyArray<Actor>
  /**
   * `refused`: it fails for lack of privileges. `held`: it runs in a transaction that stays open
   * for a while, and is rolled back. `tried`: any outcome is allowed.
   */
  readonly kind: "refused" | "held" | "tried"
  readonly statements: (random: Dice) => ReadonlyArray<string>
  /** SQL that ends effects beyond its transaction. */
  readonly end?: string
}

interface Dice {
  readonly upTo: (end: number) => number
  readonly pick: <A>(members: ReadonlyArray<A>) => A
  /** Returns the id of an order in work. */
  readonly order: () => string
}

/** The attempts, and those that should have failed but did not. */
export interface Hostility {
  readonly counts: Map<string, { refused: number; done: number }>
  readonly wrong: Array<string>
}

/** Returns the record of nothing done. */
export const peace = (): Hostility => ({ counts: new Map(), wrong: [] })

const allActors: ReadonlyArray<Actor> = ["stranger", "dashboards", "reader", "projector", "writer"]

/** The most connections of hostile users: more would leave hosts without any. */
const AT_ONCE = 6

/** The longest time that a transaction is held, in milliseconds. */
const HELD_MILLIS = 4_000

/** The catalog shows it to every user, who may have no right to the schema. */
const NUMBERS = "(SELECT c.oid FROM pg_class c WHERE c.relname = 'append_number')::bigint::integer"

const moves: ReadonlyArray<Move> = [
  ...attacks.map(({ name, statements }): Move => ({
    name,
    actors: allActors,
    kind: "refused",
    statements: ({ pick }) => [pick(statements(roles))]
  })),
  {
    name: "reading events",
    actors: ["stranger", "dashboards"],
    kind: "refused",
    statements: ({ pick }) => [
      pick([
        "SELECT * FROM daybook.events",
        "SELECT * FROM daybook.event_ids",
        "SELECT * FROM daybook.snapshots",
        "SELECT * FROM daybook.acts",
        "SELECT daybook.settled_position()",
        "SELECT * FROM daybook.look_at_log(0)"
      ])
    ]
  },
  {
    name: "reading what the runner records of events",
    actors: ["stranger", "dashboards"],
    kind: "refused",
    statements: ({ pick }) => [
      pick([
        "SELECT poison FROM read_models.daybook__generations",
        "SELECT reason FROM read_models.daybook__skipped",
        "SELECT * FROM read_models.daybook__acts"
      ])
    ]
  },
  {
    name: "writing rows",
    actors: ["stranger", "dashboards", "reader", "writer"],
    kind: "refused",
    statements: ({ pick }) => [
      pick([
        "DELETE FROM read_models.order_summary",
        "UPDATE read_models.daybook__checkpoints SET position = 0",
        "DROP TABLE read_models.order_summary",
        "TRUNCATE read_models.daybook__generations CASCADE"
      ])
    ]
  },
  {
    name: "appending without the right to",
    actors: ["stranger", "dashboards", "reader", "projector"],
    kind: "refused",
    statements: (dice) => [forgeries.well(dice)]
  },
  {
    name: "appending with arguments that no store sends",
    actors: ["writer"],
    kind: "tried",
    statements: (dice) => [forgeries.ill(dice)]
  },
  {
    name: "appending events that say what they like, to streams of their own",
    actors: ["writer"],
    kind: "tried",
    statements: (dice) => [forgeries.odd(dice)]
  },
  {
    name: "an append that stays open",
    actors: ["writer"],
    kind: "held",
    statements: (dice) => [forgeries.well(dice)]
  },
  {
    name: "an append that is prepared, and left",
    actors: ["writer"],
    kind: "held",
    statements: (dice) => [forgeries.well(dice), "PREPARE TRANSACTION 'left'"],
    end: "ROLLBACK PREPARED 'left'"
  },
  {
    name: "snapshots that no fold made",
    actors: ["writer"],
    kind: "tried",
    statements: ({ order }) => [
      `INSERT INTO daybook.snapshots (stream_id, revision, event, fingerprint, state)
        VALUES ('order-${order()}', 1, gen_random_uuid() || '@0', 'mine', 'null') ON CONFLICT DO NOTHING`
    ]
  },
  {
    name: "the locks that announce appends",
    actors: allActors,
    kind: "held",
    statements: ({ pick, upTo }) => [
      `SELECT ${pick(["pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_xact_lock"])}(${NUMBERS}, n)
        FROM generate_series(${pick([0, upTo(10), upTo(5_000)])}, ${pick([10, 5_000])}) AS n LIMIT 400`
    ]
  },
  {
    name: "the locks that announce appends, with keys that none has",
    actors: allActors,
    kind: "held",
    statements: ({ pick }) => [
      `SELECT pg_advisory_lock_shared(${NUMBERS}, ${pick(["-2147483648", "2147483647", "-1"])})`
    ]
  },
  {
    name: "the lock of a stream",
    actors: allActors,
    kind: "held",
    statements: ({ order }) => [
      `SELECT pg_advisory_lock(hashtextextended('order-${order()}', ${NUMBERS}::bigint))`
    ]
  },
  {
    name: "the locks of migrations and of read models",
    actors: allActors,
    kind: "held",
    statements: ({ pick }) => [
      pick([
        "SELECT pg_advisory_lock(hashtextextended('daybook migrations of daybook', 0))",
        "SELECT pg_advisory_lock(hashtextextended('daybook read models of read_models', 0))",
        "SELECT pg_advisory_lock(hashtextextended('inline_order_summary', c.oid::bigint)) FROM pg_class c WHERE c.relname = 'daybook__generations'"
      ])
    ]
  },
  {
    name: "a flood of notifications",
    actors: allActors,
    kind: "tried",
    statements: ({ pick }) => [
      `SELECT pg_notify(${pick(["'daybook'", "c.channel"])}, repeat('x', 4000) || n)
        FROM (VALUES ('daybook appended to daybook')) AS c(channel), generate_series(1, 200) AS n`
    ]
  },
  {
    name: "a view of rows, and rows that stay read",
    actors: ["dashboards"],
    kind: "held",
    statements: ({ upTo }) => [
      `CREATE TEMPORARY VIEW mine_${upTo(1_000)} AS SELECT * FROM read_models.order_summary`,
      "SELECT count(*) FROM read_models.order_summary"
    ]
  },
  {
    name: "a log that stays read",
    actors: ["reader", "projector", "writer"],
    kind: "held",
    statements: () => ["SELECT count(*) FROM daybook.events"]
  },
  {
    name: "code of its own on the rows that appends keep",
    actors: ["projector"],
    kind: "held",
    statements: () => [
      `SET LOCAL ROLE projector`,
      `CREATE FUNCTION read_models.forge() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM daybook.try_append('{order-forged}', '{-2}', '{1}', ARRAY[gen_random_uuid()], '{Forged}', '{1}', '{"{}"}', '{"{}"}',
          ARRAY[now()], false); RETURN NEW; END $$`,
      `CREATE TRIGGER forge BEFORE INSERT OR UPDATE ON read_models.inline_order_summary
        FOR EACH ROW EXECUTE FUNCTION read_models.forge()`
    ]
  }
]

/**
 * Runs the hostile users until the scope ends, and counts their actions. `orders`: the orders in
 * work.
 */
export const run = Effect.fnUntraced(function* (
  { sessionsOf }: Hostiles,
  orders: () => ReadonlyArray<string>
) {
  const random = yield* Random.Random
  const upTo = (end: number) => Math.floor(random.nextDoubleUnsafe() * end)
  const dice: Dice = {
    upTo,
    // The index is in range.
    pick: <A>(members: ReadonlyArray<A>) => members[upTo(members.length)] as A,
    order: () => dice.pick(orders()) ?? "none"
  }
  const hostility = peace()
  const one = Effect.suspend(() => {
    const move = dice.pick(moves)
    const actor = dice.pick(move.actors)
    const { sql, turn } = dice.pick(sessionsOf(actor))
    return Effect.catch(turn.withPermit(act(sql, move, actor, dice, hostility)), (error) =>
      // A hostile session may be ended like any other.
      isSqlError(error) ? Effect.void : Effect.die(error)
    )
  })
  const actor = Effect.forever(
    Effect.andThen(one, Effect.sleep(Duration.millis(random.nextDoubleUnsafe() * 100)))
  )
  yield* Effect.forEach(Array.from({ length: AT_ONCE }), () => Effect.forkScoped(actor), {
    discard: true
  })
  return hostility
})

/** Ends effects beyond their sessions. */
export const leave = Effect.fnUntraced(function* (sql: SqlClient) {
  const left = yield* sql`SELECT FROM pg_prepared_xacts WHERE gid = 'left'`
  if (left.length > 0) yield* sql`ROLLBACK PREPARED 'left'`.unprepared
})

/** Runs an action on an exclusive session: a client of one connection. */
const act = Effect.fnUntraced(function* (
  sql: SqlClient,
  move: Move,
  actor: Actor,
  dice: Dice,
  { counts, wrong }: Hostility
) {
  const name = `${move.name}, as ${actor}`
  const count = counts.get(name) ?? { refused: 0, done: 0 }
  counts.set(name, count)
  const statements = move.statements(dice)
  const run = (statement: string) => sql.unsafe(statement).unprepared
  const result = yield* Effect.result(
    Effect.forEach([...BEGIN, ...statements], run, { discard: true })
  )
  if (Result.isSuccess(result) && move.kind === "held") {
    yield* Effect.sleep(Duration.millis(dice.upTo(HELD_MILLIS)))
  }
  // A statement that passed by mistake would be found again.
  yield* run(move.kind === "tried" ? "COMMIT" : "ROLLBACK")
  yield* run("SELECT pg_advisory_unlock_all()")
  if (Result.isSuccess(result)) {
    if (move.end !== undefined) yield* run(move.end)
    count.done += 1
    if (move.kind === "refused") wrong.push(`${name}: ${statements.join("; ")} was let through`)
    return
  }
  const { reason } = result.failure
  if (reason._tag === "AuthorizationError" || move.kind !== "refused") count.refused += 1
  else if (!PASSING.includes(reason._tag)) {
    wrong.push(
      `${name}: ${statements.join("; ")} failed with ${reason._tag}: ${String(reason.cause)}`
    )
  }
})

/** The hostile users wait for others too, but not for ever. */
const BEGIN = ["BEGIN", "SET LOCAL statement_timeout = '5s'"]

/**
 * Errors that say nothing about rights: the session was ended, or a lock was held by another
 * session.
 */
const PASSING: ReadonlyArray<string> = [
  "ConnectionError",
  "LockTimeoutError",
  "StatementTimeoutError",
  "DeadlockError"
]
