/**
 * `daybook doctor`: checks that a database is fit for a log, and names what it could not see.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import { PostgresSchema } from "@daybook/store/PostgresSchema"
import * as StartFailure from "@daybook/store/StartFailure"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Command from "effect/cli/Command"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { FaultsFound } from "../exit.ts"
import { count, print } from "../output/listing.ts"
import * as Health from "../verify/health.ts"
import { type Check, fault, listing, unchecked, well } from "../verify/report.ts"
import { connected, type Session, session } from "./session.ts"

export const doctor = Command.make(
  "doctor",
  {},
  Effect.fnUntraced(function* () {
    const made = yield* session
    const checks = yield* all(made).pipe(connected(made))
    const faults = checks.filter(({ outcome }) => outcome === "fault")
    yield* print(made.style, listing, Stream.fromIterable(made.style.quiet ? faults : checks))
    if (faults.length > 0) {
      return yield* new FaultsFound({ summary: `${count(faults.length, "check")} found a fault` })
    }
  })
).pipe(
  Command.withDescription(
    "Check the server, its settings, the rights of the login, the clocks, the way of notifications, long transactions and a pooler; and name what it could not see. It changes nothing; exit status 3 when there is a fault."
  ),
  Command.withExamples([
    { command: "daybook doctor" },
    { command: "daybook doctor -q", description: "Only the names of the faults" }
  ])
)

/** The oldest server on which the stores run, as the server counts. */
const OLDEST = 150_000

/** A clock that differs by more makes recorded times differ from those of the hosts. */
const MAX_SKEW_MILLIS = 2_000

/** A transaction that is open for longer keeps rows from being vacuumed, and migrations waiting. */
const LONG_SECONDS = 300

/** A notification takes less than this on any network. */
const NOTIFIED_WITHIN = Duration.seconds(5)

const all = Effect.fnUntraced(function* (made: Session) {
  const isEmbedded = made.target._tag === "embedded"
  const found: Array<Check> = []
  found.push(...(yield* server(isEmbedded)))
  found.push(...(yield* migrations))
  found.push(...(yield* health))
  found.push(...(yield* rights))
  if (isEmbedded) {
    found.push(
      unchecked("clock", "the embedded database has the clock of this process"),
      unchecked("listener", "one process has the folder open, and needs no notification"),
      unchecked("long transactions", "the embedded database has one session"),
      unchecked("pooler", "the embedded database has no connections")
    )
    return found
  }
  found.push(yield* clock)
  found.push(yield* listener)
  found.push(yield* longTransactions)
  found.push(yield* pooler)
  found.push(
    unchecked("disk", "the free space of the server's disk can't be seen by SQL"),
    unchecked("backups", "no backup can be seen by SQL: try a restore")
  )
  return found
})

interface Server {
  readonly number: number
  readonly version: string
  readonly is_standby: boolean
  readonly fsync: string
  readonly full_page_writes: string
  readonly synchronous_commit: string
  readonly max_connections: number
  readonly jit: string
  readonly encoding: string
}

const server = Effect.fnUntraced(function* (isEmbedded: boolean) {
  const sql = (yield* PgClient).withoutTransforms()
  const [facts] = yield* sql<Server>`
    SELECT current_setting('server_version_num')::integer AS number,
      current_setting('server_version') AS version, pg_is_in_recovery() AS is_standby,
      current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
      current_setting('synchronous_commit') AS synchronous_commit,
      current_setting('max_connections')::integer AS max_connections,
      current_setting('jit') AS jit, current_setting('server_encoding') AS encoding`
  if (facts === undefined) return [unchecked("server", "it gave no answer")]
  const checks: Array<Check> = [
    facts.number < OLDEST
      ? fault("server", `PostgreSQL ${facts.version} is older than 15`)
      : well("server", `PostgreSQL ${facts.version}, encoding ${facts.encoding}`)
  ]
  if (facts.is_standby) {
    checks.push(fault("server", "it is a standby: the log is read and written on its primary"))
  }
  if (isEmbedded) {
    checks.push(
      well("durability", "embedded: appends survive a killed process, and perhaps not a power cut")
    )
    return checks
  }
  for (const setting of ["fsync", "full_page_writes"] as const) {
    checks.push(
      facts[setting] === "on"
        ? well(setting, "on")
        : fault(setting, `${facts[setting]}: a crash of the machine may corrupt the log`)
    )
  }
  checks.push(
    well(
      "synchronous_commit",
      `${facts.synchronous_commit}; appends wait for the disk whatever it is, unless a host chose otherwise`
    ),
    well("max_connections", String(facts.max_connections)),
    well("jit", `${facts.jit}; the functions of the log switch it off for themselves`)
  )
  return checks
})

const migrations = Effect.forEach(
  [
    ["log", PostgresMigrations.check],
    ["read models", ReadModelMigrations.check],
    ["reactors", ReactorMigrations.check]
  ] as const,
  ([part, check]) =>
    Effect.map(Effect.result(check), (result): Check => {
      const name = `schema of ${part}`
      if (result._tag === "Success") return well(name, "migrated, and open to this login")
      const { failure } = result
      const line = StartFailure.lineOf(failure)
      // An application need not have the other parts.
      return part === "log" ? fault(name, line) : unchecked(name, line)
    })
)

const health = Effect.catch(Health.check, (error) =>
  Effect.succeed([unchecked("health", StartFailure.lineOf(error))])
)

interface Rights {
  readonly login: string
  readonly is_superuser: boolean
  readonly owns: boolean
  readonly reads: boolean
  readonly appends: boolean
}

const rights = Effect.gen(function* () {
  const sql = (yield* PgClient).withoutTransforms()
  const schema = yield* PostgresSchema
  const [found] = yield* sql<Rights>`
    SELECT current_user::text AS login, r.rolsuper AS is_superuser,
      pg_has_role(c.relowner, 'USAGE') AS owns,
      has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS reads,
      EXISTS (
        SELECT FROM pg_proc p WHERE p.pronamespace = n.oid AND p.proname = 'append'
          AND has_function_privilege(p.oid, 'EXECUTE')
      ) AS appends
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN pg_roles r
    WHERE n.nspname = ${schema} AND c.relname = 'events' AND r.rolname = current_user`
  if (found === undefined) return [unchecked("rights", `schema ${schema} has no log`)]
  const may = [
    ...(found.reads ? ["read"] : []),
    ...(found.appends ? ["append"] : []),
    ...(found.owns ? ["migrate"] : [])
  ]
  const checks: Array<Check> = [
    well("rights", `${found.login} may ${may.length === 0 ? "do nothing" : may.join(", ")}`)
  ]
  if (found.is_superuser) {
    checks.push(
      well("superuser", `${found.login} is one: right for this command, and too much for a host`)
    )
  }
  return checks
})

const clock = Effect.gen(function* () {
  const sql = (yield* PgClient).withoutTransforms()
  const before = yield* Clock.currentTimeMillis
  const [row] = yield* sql<{ readonly millis: number }>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS millis`
  const after = yield* Clock.currentTimeMillis
  if (row === undefined) return unchecked("clock", "the server gave no time")
  // Within the time of the call the difference can't be told.
  const skew =
    row.millis < before ? row.millis - before : row.millis > after ? row.millis - after : 0
  const detail = `the server's clock differs by ${Math.round(skew)} ms from this machine's`
  return Math.abs(skew) > MAX_SKEW_MILLIS ? fault("clock", detail) : well("clock", detail)
})

/** Sends a notification to itself, by a channel that no store uses. */
const listener = Effect.scoped(
  Effect.gen(function* () {
    const client = yield* PgClient
    const heard = yield* client.listen("daybook_doctor")
    yield* client.notify("daybook_doctor", "")
    return yield* Queue.take(heard)
  })
).pipe(
  Effect.timeoutOption(NOTIFIED_WITHIN),
  Effect.map((answer) =>
    Option.isSome(answer)
      ? well("listener", "a notification arrived: subscribers wake at once")
      : fault(
          "listener",
          "no notification arrived: subscribers only poll. A pooler in transaction mode loses them"
        )
  ),
  Effect.catch((error) => Effect.succeed(unchecked("listener", StartFailure.lineOf(error))))
)

interface Transactions {
  readonly pid: number
  readonly user: string
  readonly state: string
  readonly seconds: number
}

const longTransactions = Effect.gen(function* () {
  const sql = (yield* PgClient).withoutTransforms()
  const [seen] = yield* sql<{ readonly all: boolean }>`
    SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS "all"`
  const found = yield* sql<Transactions>`
    SELECT pid, coalesce(usename::text, '') AS user, coalesce(state, 'unknown') AS state,
      extract(epoch FROM clock_timestamp() - xact_start)::double precision AS seconds
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND xact_start < clock_timestamp() - make_interval(secs => ${LONG_SECONDS})
    ORDER BY xact_start`
  const [first] = found
  if (first !== undefined) {
    return fault(
      "long transactions",
      `process ${first.pid} of ${first.user} is ${first.state}, in a transaction for ${Math.round(first.seconds)} s; of ${count(found.length, "long transaction")} the oldest`
    )
  }
  return seen?.all === true
    ? well("long transactions", `none is open for more than ${LONG_SECONDS} s`)
    : unchecked("long transactions", "those of other logins: grant pg_read_all_stats to see them")
})

const pooler = Effect.gen(function* () {
  const sql = (yield* PgClient).withoutTransforms()
  // Consecutive statements outside of a transaction may reach other sessions through a pooler.
  const pids = new Set<number>()
  const connection = yield* sql.reserve
  for (let tried = 0; tried < 8; tried++) {
    const [row] = yield* sql<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`.pipe(
      Effect.provideService(sql.transactionService, [connection, 0])
    )
    if (row !== undefined) pids.add(row.pid)
  }
  return pids.size > 1
    ? well("pooler", "one answers: statements of a session go to several sessions of the server")
    : unchecked("pooler", "none was noticed; one that keeps a session for a client looks like none")
}).pipe(Effect.scoped)
