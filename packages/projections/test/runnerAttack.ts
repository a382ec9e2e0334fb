/**
 * Hosts that maintain read models of a large log: they are killed again and again while they catch
 * up, with another host standing by.
 */
import { projection as orderSummary } from "@daybook/order/OrderSummary"
import { projection as productDemand } from "@daybook/order/ProductDemand"
import type * as Projection from "@daybook/kernel/Projection"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import * as ReadModel from "@daybook/projections/ReadModel"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelTable from "@daybook/projections/driver/ReadModelTable"
import { EventStore } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { basket } from "./baskets.ts"

/** The actions of an attack, and its findings. */
interface Attack {
  readonly events: number
  readonly kills: number
  readonly freezes: number
  readonly rows: number
  readonly different: number
}

class NotDone extends Data.TaggedError("NotDone")<{ readonly seconds: number }> {
  override get message() {
    return `the read models were not caught up after ${this.seconds} s`
  }
}

const projections: ReadonlyArray<Projection.Any> = [orderSummary, productDemand]

/** Starts a host as a process of its own, and kills it with its scope. */
const host = Effect.fnUntraced(function* (url: Redacted.Redacted, leaseMillis: number) {
  const told = yield* Queue.unbounded<string>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [Path.join(import.meta.dirname, "programs", "keepReadModels.ts"), String(leaseMillis)],
        { stdio: ["ignore", "pipe", "inherit"], env: { DATABASE_URL: Redacted.value(url) } }
      )
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  child.stdout.on("data", () => Queue.offerUnsafe(told, "keeps"))
  return {
    keeps: Queue.take(told),
    signal: (signal: "SIGKILL" | "SIGSTOP" | "SIGCONT") => Effect.sync(() => child.kill(signal))
  }
})

const fill = Effect.fnUntraced(function* (orders: number) {
  const events = yield* EventStore
  const appends = Arr.makeBy(Math.ceil(orders / 40), () =>
    Arr.makeBy(40, () => ({ ...basket(25), expected: ExpectedRevision.noStream }))
  )
  yield* Effect.forEach(appends, (all) => events.appendAll({ appends: all }), {
    concurrency: 4,
    discard: true
  })
})

const behind = Effect.gen(function* () {
  const store = yield* ReadModelStore
  const head = yield* (yield* EventStore).head
  const serving = (yield* store.states()).filter(({ role }) => role === "serving")
  return serving.length < projections.length
    ? true
    : serving.some(({ checkpoints }) => checkpoints.some((position) => position < head))
})

/** Returns a number that grows with every event that a read model folds. */
const progress = Effect.map(
  Effect.flatMap(ReadModelStore, (store) => store.states()),
  (states) => states.reduce((sum, { events }) => sum + events, 0)
)

/**
 * Kills the running host every `killEvery`, and starts another. Every third host is first frozen
 * past its lease, and wakes up when another has taken over.
 */
export const attack = Effect.fnUntraced(function* (options: {
  readonly url: Redacted.Redacted
  readonly events: number
  readonly killEvery: Duration.Duration
  readonly leaseMillis: number
  readonly seconds: number
  readonly minimumKills: number
}) {
  const { killEvery, leaseMillis, minimumKills, seconds, url } = options
  yield* fill(Math.ceil(options.events / 25))
  const head = yield* (yield* EventStore).head
  let kills = 0
  let freezes = 0
  const work = Effect.gen(function* () {
    let running = yield* host(url, leaseMillis)
    let standingBy = yield* host(url, leaseMillis)
    yield* running.keeps
    while ((yield* behind) || kills < minimumKills) {
      // Waits for progress: on a slow machine each host would be killed before it has begun.
      const before = yield* progress
      yield* Effect.sleep(killEvery)
      yield* Effect.repeat(Effect.all([progress, behind]), {
        until: ([now, isBehind]) => now > before || !isBehind,
        schedule: Schedule.spaced("50 millis")
      })
      if (kills % 3 === 2) {
        yield* running.signal("SIGSTOP")
        yield* Effect.sleep(Duration.millis(leaseMillis * 2))
        yield* running.signal("SIGCONT")
        freezes++
        yield* Effect.sleep(Duration.millis(leaseMillis / 4))
      }
      yield* running.signal("SIGKILL")
      kills++
      running = standingBy
      standingBy = yield* host(url, leaseMillis)
    }
    yield* Effect.forEach([running, standingBy], (one) => one.signal("SIGKILL"))
  })
  yield* Effect.scoped(work).pipe(
    Effect.timeoutOrElse({
      duration: Duration.seconds(seconds),
      orElse: () => new NotDone({ seconds })
    })
  )
  let rows = 0
  let different = 0
  for (const projection of projections) {
    const table = yield* Effect.fromResult(ReadModelTable.make(projection))
    const texts = Effect.fnUntraced(function* (all: Iterable<object>) {
      const found = new Map<string, string>()
      for (const row of all) {
        const stored = yield* Effect.fromResult(table.encode(row))
        found.set(table.keyText(stored), JSON.stringify(stored))
      }
      return found
    })
    const kept = yield* texts(yield* Stream.runCollect(ReadModel.query(projection)))
    const folded = yield* texts(yield* OnDemandProjection.tableAt(projection, { position: head }))
    rows += folded.size
    for (const key of new Set([...kept.keys(), ...folded.keys()])) {
      if (kept.get(key) !== folded.get(key)) different++
    }
  }
  const done: Attack = { events: options.events, kills, freezes, rows, different }
  return done
})
