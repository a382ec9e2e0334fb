/**
 * Runs hosts of orders on a server of their own, and measures repeatedly the figures that should
 * stay level and the progress of the followers of the log.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { lines } from "../torture/message.ts"
import { type Held, readHeld, type Role, subscriptions } from "./held.ts"
import type { Look } from "./progress.ts"
import type { Soak } from "./report.ts"
import type { Sample, Series } from "./trend.ts"

const ENDED = subscriptions[1].types

const MIB = 1_048_576

/**
 * The longest time for a host to start or to collect its garbage, and for all of them to be at
 * work.
 */
const PATIENCE = Duration.seconds(60)

/**
 * Takes `samples` samples of hosts in these roles, once they are at work: one per `every`, or as
 * often as the machine can. Fails when a host dies.
 */
export const soak = Effect.fnUntraced(function* (options: {
  readonly roles: ReadonlyArray<Role>
  readonly samples: number
  readonly every: Duration.Input
  readonly onSample?: (taken: number, commands: number) => void
}): Effect.fn.Return<Soak, unknown, PostgresServer.PostgresServer | Scope.Scope> {
  const { every, onSample, roles, samples } = options
  const url = yield* PostgresServer.freshDatabase
  const context = yield* Layer.build(
    Layer.mergeAll(PostgresMigrations.layer, ReadModelMigrations.layer).pipe(
      Layer.provideMerge(PgClient.layer({ url, maxConnections: 1, applicationName: "soak" }))
    )
  )
  const sql = Context.get(context, SqlClient)
  const hosts = yield* Effect.forEach(roles, (role) => startHost(role, url))
  const ask = (question: "start" | "sample") =>
    Effect.forEach(hosts, (host) => host(question), { concurrency: "unbounded" })
  const taken = new Map<string, Omit<Series, "samples"> & { readonly samples: Array<Sample> }>()
  const note = (second: number, name: string, unit: string, least: number, value: number) => {
    const series = taken.get(name) ?? { name, unit, least, samples: [] }
    taken.set(name, series)
    series.samples.push({ second, value })
  }
  const followers = new Map<string, { readonly name: string; readonly looks: Array<Look> }>()
  const see = (name: string, look: Look) => {
    const follower = followers.get(name) ?? { name, looks: [] }
    followers.set(name, follower)
    follower.looks.push(look)
    note(look.second, `events left to ${name}`, "events", 1_000, look.behind)
  }

  let held = yield* ask("start")
  const start = yield* Clock.currentTimeMillis
  // A host that is never at work shows in the samples.
  while (
    !areAtWork(held) &&
    (yield* Clock.currentTimeMillis) - start < Duration.toMillis(PATIENCE)
  ) {
    yield* Effect.sleep("250 millis")
    held = yield* ask("start")
  }
  let events = 0
  const began = yield* Clock.currentTimeMillis
  const interval = Duration.toMillis(Duration.fromInputUnsafe(every))
  for (let count = 1; count <= samples; count++) {
    const late = (yield* Clock.currentTimeMillis) - began - (count - 1) * interval
    yield* Effect.sleep(Duration.millis(Math.max(0, interval - late)))
    const second = (yield* Clock.currentTimeMillis) / 1_000
    held = yield* ask("sample")
    for (const [index, { handles, heap }] of held.entries()) {
      const host = `host ${index + 1} (${roles[index]})`
      note(second, `heap of ${host}`, "MiB", 8, heap / MIB)
      note(second, `handles of ${host}`, "handles", 3, handles)
    }
    const server = yield* look(sql)
    events = server.events
    note(second, "backends", "backends", 3, server.backends)
    note(second, "locks", "locks", 50, server.locks)
    note(second, "dead rows", "rows", 50_000, server.dead)
    for (const [table, bytes] of server.tables) {
      // It grows with the log, so only the bytes per event can stay level.
      if (events > 0) note(second, `table ${table}`, "bytes an event", 100, bytes / events)
    }
    for (const { lagEvents, name, position, ...model } of modelsOf(held)) {
      see(name, { second, at: position, behind: lagEvents, ...model })
    }
    for (const [index, given] of held.flatMap((one) => one.given).entries()) {
      const { name, types } = subscriptions[index] ?? subscriptions[0]
      const recorded = types === undefined ? events : server.ended
      see(`the subscription to ${name}`, {
        second,
        at: BigInt(given),
        behind: Math.max(0, recorded - given)
      })
    }
    onSample?.(
      count,
      sum(held, ({ commands }) => commands)
    )
  }
  return {
    series: Array.from(taken.values()),
    followers: Array.from(followers.values()),
    commands: sum(held, ({ commands }) => commands),
    events,
    given: sum(held, ({ given }) => sum(given, (count) => count)),
    errors: held.flatMap(({ errors, lastError }) =>
      errors === 0 ? [] : [`${errors} calls failed, the last with ${lastError}`]
    )
  }
})

/**
 * Returns the read models of the hosts, each once, with the error of any host that can't maintain
 * it.
 */
const modelsOf = (held: ReadonlyArray<Held>): ReadonlyArray<Held["models"][number]> => {
  const models = new Map<string, Held["models"][number]>()
  for (const model of held.flatMap((one) => one.models)) {
    const seen = models.get(model.name)
    models.set(
      model.name,
      seen === undefined || seen.lastError === ""
        ? { ...(seen ?? model), lastError: model.lastError }
        : seen
    )
  }
  return Array.from(models.values())
}

/** Returns true if commands are executed, and all followers of the log have begun. */
const areAtWork = (held: ReadonlyArray<Held>): boolean =>
  sum(held, ({ commands }) => commands) > 0 &&
  held.every(({ given }) => given.every((count) => count > 0)) &&
  modelsOf(held).every(({ state, position }) => position > 0n || state === "stopped")

const sum = <A>(all: ReadonlyArray<A>, of: (one: A) => number): number =>
  all.reduce((total, one) => total + of(one), 0)

/** Starts a host, which reports its state when asked. */
const startHost = Effect.fnUntraced(function* (role: Role, url: Redacted.Redacted) {
  const child = spawn(
    process.execPath,
    ["--expose-gc", Path.join(import.meta.dirname, "..", "programs", "soakHost.ts"), role],
    { stdio: ["pipe", "pipe", "inherit"], env: { DATABASE_URL: Redacted.value(url) } }
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
  let waiting: Deferred.Deferred<Held, Error> | undefined
  const died = new Error(`the ${role} host died`)
  child.stdout.on(
    "data",
    lines((line) => {
      if (waiting !== undefined) Deferred.doneUnsafe(waiting, Exit.succeed(readHeld(line)))
    })
  )
  child.stdin.on("error", () => {})
  child.once("close", () => {
    if (waiting !== undefined) Deferred.doneUnsafe(waiting, Exit.fail(died))
  })
  return (question: string) =>
    Effect.suspend(() => {
      if (child.exitCode !== null || child.signalCode !== null) return Effect.fail(died)
      const held = Deferred.makeUnsafe<Held, Error>()
      waiting = held
      child.stdin.write(`${question}\n`)
      return Effect.timeout(Deferred.await(held), PATIENCE)
    })
})

/** Measures the server. */
const look = Effect.fnUntraced(function* (sql: SqlClient) {
  const [row] = yield* sql<{
    readonly backends: number
    readonly locks: number
    readonly dead: number
    readonly events: number
    readonly ended: number
  }>`SELECT
      (SELECT count(*)::integer FROM pg_stat_activity WHERE datname = current_database()) AS backends,
      (SELECT count(*)::integer FROM pg_locks) AS locks,
      (SELECT coalesce(sum(n_dead_tup), 0)::integer FROM pg_stat_user_tables) AS dead,
      count(*)::integer AS events,
      (count(*) FILTER (WHERE type IN ${sql.in(ENDED)}))::integer AS ended
    FROM daybook.events`
  const tables = yield* sql<{ readonly name: string; readonly bytes: number }>`
    SELECT schemaname || '.' || relname AS name, pg_total_relation_size(relid)::float8 AS bytes
      FROM pg_stat_user_tables WHERE schemaname IN ('daybook', 'read_models') ORDER BY 1`
  return {
    ...(row ?? { backends: 0, locks: 0, dead: 0, events: 0, ended: 0 }),
    tables: tables.map(({ bytes, name }) => [name, bytes] as const)
  }
})
