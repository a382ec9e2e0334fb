/**
 * Wake-ups of subscribers on a real server, and lost connections. Tests of a wake-up poll only once
 * an hour.
 */
import { EventStore, EventStoreError } from "@daybook/store/EventStore"
import * as EventStorePostgres from "@daybook/store/EventStorePostgres"
import * as PostgresListen from "@daybook/store/PostgresListen"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import { appendTo, database, follow, listeners, through, until } from "./subscribingHosts.ts"
import { startProxy } from "./tcpProxy.ts"

const woken = { pollInterval: "1 hour" } as const

const count = (name: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics
      .filter(({ id }) => id === name)
      .reduce((sum, { state }) => sum + Number("count" in state ? state.count : 0), 0)
  )

/** The listening connections that are down; undefined before the first is counted. */
const down = Effect.map(Metric.snapshot, (metrics) => {
  const found = metrics.find(({ id }) => id === "daybook_listeners_down")
  return found?.type === "Gauge" ? Number(found.state.value) : undefined
})

const logged: Array<string> = []
const collect = Logger.make(({ message }) => logged.push(String(message)))

layer(Layer.merge(PostgresServer.PostgresServer.layerEmbedded, Logger.layer([collect])), {
  timeout: 60_000,
  excludeTestServices: true
})("Subscribers of a log on a server", (it) => {
  it.effect("are woken by an append of their own store", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const host = yield* start({ ...woken, listen: false })
      const subscriber = yield* follow(host)
      for (let n = 0; n < 10; n++) {
        const position = yield* appendTo(host)
        assert.deepStrictEqual(yield* subscriber.next(1), [position])
      }
      assert.deepStrictEqual(yield* listeners(admin), [])
    })
  )

  it.effect("are woken by an append of another host", () =>
    Effect.gen(function* () {
      const { start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const subscriber = yield* follow(reader)
      for (let n = 0; n < 20; n++) {
        const position = yield* appendTo(writer)
        assert.deepStrictEqual(yield* subscriber.next(1), [position])
      }
    })
  )

  it.effect("are woken when the transaction that an append was part of has committed", () =>
    Effect.gen(function* () {
      const { start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const own = yield* follow(writer)
      const other = yield* follow(reader)
      yield* appendTo(writer)
      yield* Effect.all([own.next(1), other.next(1)])
      const positions = yield* writer.sql.withTransaction(
        Effect.gen(function* () {
          const first = yield* appendTo(writer)
          const second = yield* writer.sql.withTransaction(appendTo(writer))
          return [first, second]
        })
      )
      assert.deepStrictEqual(yield* own.next(2), positions)
      assert.deepStrictEqual(yield* other.next(2), positions)
    })
  )

  it.effect("are interrupted when their store is closed", () =>
    Effect.gen(function* () {
      const { start } = yield* database
      const { sql } = yield* start()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        Layer.fresh(EventStorePostgres.layer),
        scope
      ).pipe(
        Effect.provideService(SqlClient, sql),
        Effect.provideService(PostgresListen.PostgresListen, {
          ...PostgresListen.defaults,
          ...woken
        })
      )
      const store = Context.get(context, EventStore)
      const subscribers = yield* Effect.replicateEffect(follow({ store }), 3)
      yield* appendTo({ store })
      for (const subscriber of subscribers) yield* subscriber.next(1)
      yield* Scope.close(scope, Exit.void)
      for (const { fiber } of subscribers) {
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      }
    })
  )

  it.effect("poll where they may not listen", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const writer = yield* start()
      const reader = yield* start({ listen: false, pollInterval: "5 millis" })
      const subscriber = yield* follow(reader)
      for (let n = 0; n < 5; n++) {
        const position = yield* appendTo(writer)
        assert.deepStrictEqual(yield* subscriber.next(1), [position])
      }
      assert.deepStrictEqual(yield* listeners(admin), [])
    })
  )

  it.effect("share one listening connection, from the first to the last of them", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      yield* appendTo(writer)
      assert.deepStrictEqual(yield* listeners(admin), [])
      const scope = yield* Scope.make()
      const followers = yield* Effect.replicateEffect(Scope.provide(follow(reader), scope), 10)
      for (const subscriber of followers) yield* subscriber.next(1)
      yield* until(Effect.map(listeners(admin), (pids) => pids.length > 0))
      const position = yield* appendTo(writer)
      for (const subscriber of followers) {
        assert.deepStrictEqual(yield* subscriber.next(1), [position])
      }
      assert.lengthOf(yield* listeners(admin), 1)
      yield* Scope.close(scope, Exit.void)
      yield* until(Effect.map(listeners(admin), (pids) => pids.length === 0))
      const again = yield* follow(reader, position)
      const next = yield* appendTo(writer)
      assert.deepStrictEqual(yield* again.next(1), [next])
    })
  )

  it.effect("miss nothing when their listening connection is killed, time after time", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(woken), yield* start(woken)]
      const subscriber = yield* follow(reader)
      const lost = yield* count("daybook_listener_losses")
      for (let n = 0; n < 5; n++) {
        yield* until(Effect.map(listeners(admin), (pids) => pids.length === 1))
        const [pid] = yield* listeners(admin)
        yield* admin`SELECT pg_terminate_backend(${pid})`
        // Appended while there is no listener, so that no notification can reach the subscriber.
        const position = yield* appendTo(writer)
        assert.deepStrictEqual(yield* subscriber.next(1), [position])
      }
      assert.isAtLeast((yield* count("daybook_listener_losses")) - lost, 4)
      assert.include(logged.join(), "Lost the connection that listens")
    })
  )

  it.effect("count their listening connection as down until it hears, and after a loss", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const scope = yield* Scope.make()
      const reader = yield* start({ ...woken, heartbeatInterval: "200 millis" })
      const isDown = (n: number) => Effect.map(down, (value) => value === n)
      yield* Scope.provide(follow(reader), scope)
      yield* until(isDown(1))
      yield* until(isDown(0))
      const [pid] = yield* listeners(admin)
      yield* admin`SELECT pg_terminate_backend(${pid})`
      yield* until(isDown(1))
      yield* until(isDown(0))
      const [next] = yield* listeners(admin)
      yield* admin`SELECT pg_terminate_backend(${next})`
      yield* until(isDown(1))
      yield* Scope.close(scope, Exit.void)
      yield* until(isDown(0))
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("miss nothing when every connection is killed, time after time", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(), yield* start()]
      const subscriber = yield* follow(reader)
      const writing = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.option(appendTo(writer))
      ).pipe(Effect.forkChild)
      const killing = admin`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()`
      while (writing.pollUnsafe() === undefined) yield* killing
      yield* Fiber.join(writing)
      const last = yield* Effect.retry(appendTo(writer), { times: 100 })
      // An append whose answer was lost may be recorded too.
      const recorded = yield* admin<{ readonly position: bigint }>`
        SELECT position FROM daybook.events ORDER BY position`
      assert.strictEqual(recorded.at(-1)?.position, last)
      assert.deepStrictEqual<ReadonlyArray<bigint>>(
        yield* subscriber.next(recorded.length),
        recorded.map(({ position }) => position)
      )
      assert.isUndefined(subscriber.fiber.pollUnsafe())
    })
  )

  it.effect("miss nothing when the server crashes and recovers", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const [writer, reader] = [yield* start(), yield* start()]
      const subscriber = yield* follow(reader)
      const before = yield* appendTo(writer)
      assert.deepStrictEqual(yield* subscriber.next(1), [before])
      const [own] = yield* admin<{ readonly pid: number }>`SELECT pg_backend_pid() AS pid`
      // The postmaster ends every session when one dies like this, and replays its log.
      process.kill(own?.pid ?? 0, "SIGKILL")
      const after = yield* Effect.retry(appendTo(writer), { times: 10_000 })
      const seen = yield* subscriber.next(1)
      assert.isTrue(seen.every((position) => position > before && position <= after))
      assert.include(logged.join(), "Subscriptions read again")
      assert.isUndefined(subscriber.fiber.pollUnsafe())
    })
  )

  it.effect("notice a listening connection that has gone dead, and listen on another", () =>
    Effect.gen(function* () {
      const { admin, start, url } = yield* database
      const proxy = yield* startProxy(url)
      const writer = yield* start(woken)
      const reader = yield* start(
        { ...woken, heartbeatInterval: "250 millis" },
        { url: through(url, proxy.port) }
      )
      const subscriber = yield* follow(reader)
      yield* until(Effect.map(listeners(admin), (pids) => pids.length === 1))
      const first = yield* appendTo(writer)
      assert.deepStrictEqual(yield* subscriber.next(1), [first])
      const [before] = yield* listeners(admin)
      // Open connections pass nothing from now on and do not end; new connections work.
      proxy.stall()
      const second = yield* appendTo(writer)
      assert.deepStrictEqual(yield* subscriber.next(1), [second])
      assert.notDeepEqual(yield* listeners(admin), [before])
    })
  )

  it.effect("fail when their log is gone", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const host = yield* start({ pollInterval: "5 millis" })
      const subscriber = yield* follow(host)
      const position = yield* appendTo(host)
      assert.deepStrictEqual(yield* subscriber.next(1), [position])
      yield* admin`DROP SCHEMA daybook CASCADE`
      const exit = yield* Fiber.await(subscriber.fiber)
      assert.isTrue(Exit.isFailure(exit))
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.instanceOf(error, EventStoreError)
      assert.include(error.message, "does not exist")
    })
  )

  it.effect("end at once when they are interrupted, also while they wait", () =>
    Effect.gen(function* () {
      const { admin, start } = yield* database
      const host = yield* start(woken)
      const subscriber = yield* follow(host)
      yield* until(Effect.map(listeners(admin), (pids) => pids.length === 1))
      yield* Fiber.interrupt(subscriber.fiber)
      yield* until(Effect.map(listeners(admin), (pids) => pids.length === 0))
    })
  )

  it.effect("see nothing of what is rolled back", () =>
    Effect.gen(function* () {
      const { start } = yield* database
      const host = yield* start(woken)
      const subscriber = yield* follow(host)
      yield* host.sql
        .withTransaction(Effect.andThen(appendTo(host), Effect.fail("rolled back")))
        .pipe(Effect.flip)
      const position = yield* appendTo(host)
      assert.deepStrictEqual(yield* subscriber.next(1), [position])
    })
  )
})
