/**
 * Hosts of one group that come, go, and lose their leases without noticing, on a test clock; and
 * the judgement of what they handled.
 */
import { Category } from "@daybook/kernel/StreamId"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import type { ConsumerGroup } from "@daybook/reactors/ConsumerGroup"
import type { Assignment } from "@daybook/reactors/ConsumerGroups"
import type { GroupDriver, Ticked } from "@daybook/reactors/driver/GroupDriver"
import * as Reactor from "@daybook/reactors/Reactor"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { make } from "../src/internal/group/service.ts"
import { driver as memory } from "../src/internal/memory/driver.ts"
import { consume } from "../src/internal/reactor/consume.ts"
import { append, noteOf } from "./reactorCases.ts"

const KEYS = ["a", "b", "c", "d", "e", "f"]

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/**
 * A round: something happens to a host, an event of each key is appended, and time passes. `deceive`
 * lets a host believe from now on that it keeps its leases.
 */
export const Round = Schema.Struct({
  act: Schema.Literals(["join", "leave", "deceive", "none"]),
  host: upTo(1),
  wait: Schema.Literals([10, 700, 1_500, 4_500])
})
export type Round = typeof Round.Type

/** A reaction that began or ended. */
export interface Mark {
  readonly host: number
  readonly note: string
  readonly is: "begun" | "ended" | "cut"
}

export interface Mistake {
  readonly driver?: (driver: GroupDriver) => GroupDriver
  /** Wraps the consumer of a host. */
  readonly consumer?: (assignment: Assignment) => Assignment
}

interface Running {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly deceive: () => void
}

/** Plays the rounds with two hosts at first, then lets one honest host finish; returns what was handled, in order. */
export const play = (
  rounds: ReadonlyArray<Round>,
  transactional: boolean,
  { consumer = (assignment) => assignment, driver: mistaken = (driver) => driver }: Mistake = {}
) =>
  Effect.gen(function* () {
    const events = yield* EventStore
    const category = Category.make("notes")
    const group: ConsumerGroup = { name: "play", categories: [category] }
    const rows = mistaken(memory())
    const marks: Array<Mark> = []
    const counts = new Map<string, number>()
    const hosts: Array<Running> = []
    let all = 0

    const join = Effect.gen(function* () {
      const host = all++
      let isDeceived = false
      let last: Ticked | undefined
      const seen: GroupDriver = {
        ...rows,
        tick: (name, of) =>
          isDeceived && last !== undefined
            ? Effect.succeed({ ...last, drain: [], asked: [] })
            : Effect.tap(rows.tick(name, of), (ticked) =>
                Effect.sync(() => {
                  last = ticked
                })
              )
      }
      const mark = (is: Mark["is"], event: RecordedEvent) =>
        Effect.sync(() => {
          marks.push({ host, note: noteOf(event), is })
        })
      const reactor = Reactor.make({
        ...group,
        transactional,
        react: (event) =>
          Effect.andThen(
            mark("begun", event),
            Effect.sleep(((event.revision * 7 + event.streamId.charCodeAt(6)) % 4) * 250)
          ).pipe(
            Effect.andThen(mark("ended", event)),
            Effect.onInterrupt(() => mark("cut", event))
          )
      })
      const groups = yield* make(seen).pipe(
        Effect.provideService(EventStore, events),
        Effect.provide(SecureRandom.layerWebCrypto)
      )
      const react = consume(reactor)
      hosts.push({
        fiber: yield* Effect.forkScoped(
          groups.run(group, (assignment) => react(consumer(assignment)))
        ),
        deceive: () => (isDeceived = true)
      })
    })
    const leave = Effect.fnUntraced(function* (host: number) {
      const [left] = hosts.splice(host, 1)
      if (left === undefined) return
      const leaving = yield* Effect.forkChild(Fiber.interrupt(left.fiber))
      // Work of a transaction is not interrupted: it ends by the clock.
      yield* TestClock.adjust(10_000)
      yield* Fiber.join(leaving)
    })
    yield* join
    yield* join
    // Until they have shared the slots out.
    yield* TestClock.adjust(4_500)
    for (const { act, host, wait } of rounds) {
      if (act === "join" && hosts.length < 4) yield* join
      if (act === "leave") yield* leave(host)
      if (act === "deceive") hosts[host]?.deceive()
      for (const key of KEYS) {
        const n = (counts.get(key) ?? 0) + 1
        counts.set(key, n)
        yield* append(category, key, n)
      }
      yield* TestClock.adjust(wait)
    }
    // The deceived ones go on while an honest host takes over.
    yield* join
    for (let round = 0; round < 5; round++) yield* TestClock.adjust(1_000)
    while (hosts.length > 1) yield* leave(0)
    const isHandled = () => {
      const ended = new Set(marks.flatMap(({ is, note }) => (is === "ended" ? [note] : [])))
      return Array.from(counts).every(([key, count]) => ended.has(`${key}${count}`))
    }
    for (let round = 0; round < 60 && !isHandled(); round++) yield* TestClock.adjust(1_000)
    yield* leave(0)
    return { marks, counts }
  }).pipe(Effect.scoped, Effect.provide(Layer.merge(EventStoreMemory.layer, TestClock.layer())))

const numberOf = (note: string): number => Number(note.slice(1))

const byKey = (marks: ReadonlyArray<Mark>): ReadonlyMap<string, ReadonlyArray<Mark>> => {
  const found = new Map<string, Array<Mark>>()
  for (const mark of marks) {
    const key = mark.note.slice(0, 1)
    found.set(key, [...(found.get(key) ?? []), mark])
  }
  return found
}

/**
 * Judges reactions at least once: none is missed, none begins before the one before it has ended,
 * and, unless a host was deceived, only one of a key runs at a time.
 */
export const judgeOrder = (
  marks: ReadonlyArray<Mark>,
  counts: ReadonlyMap<string, number>,
  isExclusive: boolean
): string | undefined => {
  const seen = byKey(marks)
  for (const [key, count] of counts) {
    let ended = 0
    const running = new Set<string>()
    for (const { host, is, note } of seen.get(key) ?? []) {
      const id = `${host} ${note}`
      if (is !== "begun") running.delete(id)
      else {
        if (isExclusive && running.size > 0)
          return `two of ${key} at once: ${[...running, id].join(", ")}`
        running.add(id)
        if (numberOf(note) > ended + 1)
          return `${note} began when ${key}${ended} was the last that ended`
      }
      if (is === "ended") ended = Math.max(ended, numberOf(note))
    }
    if (ended < count) return `${key}${ended + 1} of ${count} was missed`
  }
  return undefined
}

/** Judges transactions: each event once, in the order of its key. */
export const judgeOnce = (
  marks: ReadonlyArray<Mark>,
  counts: ReadonlyMap<string, number>
): string | undefined => {
  const seen = byKey(marks.filter(({ is }) => is === "ended"))
  for (const [key, count] of counts) {
    const kept = (seen.get(key) ?? []).map(({ note }) => numberOf(note))
    const right = Array.from({ length: count }, (_, index) => index + 1)
    if (kept.join() !== right.join()) return `${key}: ${kept.join()}, not ${right.join()}`
  }
  return undefined
}
