/**
 * Attacks the order of a log on a server of its own for some minutes, and fails when a subscriber misses an event, or is given one twice or
 * out of order: `pnpm attack --minutes 10`.
 *
 * In each round eight processes append, alone and in transactions, of which some are rolled back; two are killed and one is frozen for a while, connections
 * that listen are ended, and partitions are made. The first round is on one table, which the second has converted.
 */
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as PostgresPartitions from "@daybook/store/PostgresPartitions"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { SqlClient } from "effect/sql/SqlClient"
import { parseArgs } from "node:util"
import { startProcess } from "../appendingProcess.ts"
import { database, follow, until } from "../subscribingHosts.ts"

class Missed extends Data.TaggedError("Missed")<{ readonly what: string }> {
  override get message() {
    return this.what
  }
}

const PROCESSES = 8
const APPENDS = 600

/** Longer than anything that holds subscribers back here. */
const PATIENCE = "1 minute"

const { values } = parseArgs({ options: { minutes: { type: "string", default: "1" } } })
const minutes = Number(values.minutes)

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const attack = Effect.gen(function* () {
  const { admin, start, url } = yield* database
  const hosts = [
    yield* start(),
    yield* start({ listen: false, pollInterval: "20 millis" }),
    yield* start({ pollInterval: "1 minute" })
  ]
  const subscribers = yield* Effect.forEach(hosts, (host) => follow(host))
  const total = { rounds: 0, acknowledged: 0, events: 0, killed: 0, listeners: 0, partitions: 0 }
  let after = 0n

  const disturb = Effect.gen(function* () {
    const listening = yield* admin`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'daybook listener' AND datname = current_database()`
    total.listeners += listening.length
    if (total.rounds === 0) return
    const partitions = yield* Effect.provideService(
      PostgresPartitions.partition({ appendsPerPartition: 20_000, ahead: 2 }),
      SqlClient,
      admin
    )
    total.partitions = partitions.length
  })

  /** The ids of the round in the order of the log, which each subscriber must be given in that order. */
  const check = Effect.fnUntraced(function* (acknowledged: ReadonlyArray<string>) {
    const recorded = yield* admin<{ readonly id: string; readonly position: bigint }>`
      SELECT event_id AS id, position FROM daybook.events WHERE position > ${after} ORDER BY position`
    const known = new Set(recorded.map(({ id }) => id))
    const lost = acknowledged.filter((id) => !known.has(id))
    if (lost.length > 0) return yield* new Missed({ what: `acknowledged and gone: ${lost.join()}` })
    for (const [index, { fiber, given }] of subscribers.entries()) {
      yield* until(Effect.map(Queue.size(given), (size) => size >= recorded.length)).pipe(
        Effect.timeoutOption(PATIENCE)
      )
      const seen: ReadonlyArray<RecordedEvent> =
        (yield* Queue.size(given)) === 0 ? [] : yield* Queue.takeAll(given)
      const place = recorded.findIndex(({ id }, index) => id !== seen[index]?.id)
      if (place >= 0) {
        const what = `subscriber ${index} was given ${seen[place]?.id} instead of ${recorded[place]?.id}`
        return yield* new Missed({ what })
      }
      if (seen.length > recorded.length || fiber.pollUnsafe() !== undefined) {
        return yield* new Missed({ what: `subscriber ${index} was given more, or has ended` })
      }
    }
    after = recorded.at(-1)?.position ?? after
    return recorded.length
  })

  const round = Effect.gen(function* () {
    const processes = yield* Effect.replicateEffect(startProcess(url, APPENDS), PROCESSES)
    const [first, second, frozen, other] = processes
    if (!first || !second || !frozen || !other) return yield* Effect.die("there are eight")
    yield* Effect.all([first.appends(100), disturb], { concurrency: 2 })
    yield* first.signal("SIGKILL")
    // Turning the log over would wait for a transaction that is frozen, until the server ends that.
    yield* frozen.signal("SIGSTOP")
    yield* other.appends(100)
    yield* frozen.signal("SIGCONT")
    yield* second.appends(400)
    yield* second.signal("SIGKILL")
    const codes = yield* Effect.forEach(processes.slice(2), ({ ended }) => ended)
    yield* Effect.forEach([first, second], ({ ended }) => ended)
    if (codes.some((code) => code !== 0)) {
      return yield* new Missed({ what: `processes ended with ${codes.join()}` })
    }
    const acknowledged = processes.flatMap((each) => each.acknowledged)
    const events = yield* check(acknowledged)
    total.rounds += 1
    total.killed += 2
    total.acknowledged += acknowledged.length
    total.events += events
    yield* say(
      `round ${total.rounds}: ${events} events, ${acknowledged.length} acknowledged, ${total.partitions} partitions`
    )
  }).pipe(Effect.scoped)

  const began = yield* Clock.currentTimeMillis
  const end = began + minutes * 60_000
  yield* Effect.repeat(round, {
    while: () => Effect.map(Clock.currentTimeMillis, (now) => now < end)
  })
  const took = Duration.format(Duration.millis((yield* Clock.currentTimeMillis) - began))
  yield* say(
    `${took}: ${total.rounds} rounds of ${PROCESSES} processes, ${total.killed} killed, ${total.listeners} listening connections ended, ${total.partitions} partitions\n` +
      `${total.events} events recorded, ${total.acknowledged} acknowledged; ${subscribers.length} subscribers were given each once, in order`
  )
}).pipe(Effect.scoped)

await Effect.runPromise(
  Effect.provide(attack, PostgresServer.PostgresServer.layerEmbedded).pipe(
    Effect.catchTag("Missed", ({ what }) =>
      Effect.sync(() => {
        process.stderr.write(`MISSED: ${what}\n`)
        process.exitCode = 1
      })
    )
  )
)
