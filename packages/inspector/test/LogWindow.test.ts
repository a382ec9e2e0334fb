import { EventLine } from "@daybook/inspector/Answer"
import * as Position from "@daybook/kernel/Position"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as FastCheck from "fast-check"
import { foldedPerSecond, looked } from "../app/foldRates.ts"
import * as LogWindow from "../app/logWindow.ts"

const PAGE = 100
const START = Date.UTC(2026, 10, 30, 12)

/** Positions have gaps, as appends leave them that were rolled back. */
const eventAt = (index: number, recordedAt = START + index): EventLine => ({
  ...template,
  id: template.id,
  position: Position.make(BigInt(3 * index + 1)),
  recordedAt: DateTime.makeUnsafe(recordedAt)
})

const template = Schema.decodeUnknownSync(Schema.toCodecJson(EventLine))({
  id: "019ac0b2-4fac-70e8-9233-9e9e400a0a37",
  streamId: "order-1",
  revision: 1,
  position: "1",
  type: "OrderCreated",
  schemaVersion: 1,
  occurredAt: "2026-11-30T12:00:00Z",
  recordedAt: "2026-11-30T12:00:00Z",
  bytes: 2
})

const eventsFrom = (from: number, count: number): ReadonlyArray<EventLine> =>
  Array.from({ length: count }, (_, index) => eventAt(from + index))

const pageOf = (log: ReadonlyArray<EventLine>) => {
  const events = log.slice(-PAGE).toReversed()
  const oldest = events.at(-1)
  return {
    events,
    head: log.at(-1)?.position ?? Position.start,
    searched: { events: events.length, millis: 1 },
    withheld: false,
    ...(log.length <= PAGE || oldest === undefined ? {} : { next: oldest.position })
  }
}

const positions = (events: ReadonlyArray<EventLine>) => events.map(({ position }) => position)

/** Checks that a window has each event of the log once: shown, below its floor, held or counted. */
const holds = (window: LogWindow.LogWindow, log: ReadonlyArray<EventLine>): void => {
  const { events, floor, held, stands, waiting } = window
  const due = log.filter(
    ({ position }) => position <= stands && (floor === undefined || position >= floor)
  )
  assert.deepStrictEqual(positions(events), positions(due.toReversed()))
  const later = log.filter(({ position }) => position > stands)
  assert.strictEqual(waiting, later.length)
  assert.deepStrictEqual(positions(held), positions(later.slice(0, held.length)))
  assert.isAtMost(events.length, 2500)
  assert.isAtMost(held.length, LogWindow.MAX_HELD)
}

const step = FastCheck.oneof(
  FastCheck.record({ act: FastCheck.constant("come"), count: FastCheck.nat(1500) }),
  FastCheck.record({ act: FastCheck.constantFrom("pause", "show", "refill") })
)

describe("the window on the log", () => {
  it("has each event once, however it is paused, shown and read again", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.nat(250),
        FastCheck.nat(150),
        FastCheck.array(step, { maxLength: 14 }),
        (before, again, steps) => {
          let log = eventsFrom(0, before)
          let window = LogWindow.begun(LogWindow.nothing, pageOf(log))
          // The stream began before the page was read, and says its last events again.
          window = LogWindow.received(window, log.slice(-again))
          holds(window, log)
          for (const one of steps) {
            if ("count" in one) {
              const come = eventsFrom(log.length, one.count)
              log = [...log, ...come]
              window = LogWindow.received(window, come)
            } else if (one.act === "pause") {
              window = LogWindow.paused(window)
            } else if (one.act === "show") {
              window = LogWindow.shown(window)
            } else {
              const { stands, waiting } = window
              const later = log.filter(({ position }) => position > stands)
              window = LogWindow.refilled(
                window,
                stands,
                later.slice(0, Math.min(waiting, LogWindow.MAX_HELD))
              )
            }
            holds(window, log)
          }
        }
      ),
      { numRuns: 60 }
    )
  })

  it("goes on from where it stood after a pause of more events than it holds", () => {
    const log = eventsFrom(0, 2710)
    const start = LogWindow.begun(LogWindow.nothing, pageOf(log.slice(0, 10)))
    let window = LogWindow.received(LogWindow.paused(start), log.slice(10))
    const counts = [window.waiting]
    while (window.isPaused) {
      const { stands } = window
      const later = log.filter(({ position }) => position > stands)
      window = LogWindow.shown(LogWindow.refilled(window, stands, later.slice(0, 1000)))
      counts.push(window.waiting)
    }
    assert.deepStrictEqual(counts, [2700, 1700, 700, 0])
    assert.deepStrictEqual(positions(window.events), positions(log.slice(710).toReversed()))
    assert.strictEqual(window.floor, log[710]?.position)
  })

  it("holds no event after a gap that is not read again yet", () => {
    const log = eventsFrom(0, 1500)
    const start = LogWindow.begun(LogWindow.nothing, pageOf([]))
    const window = LogWindow.shown(LogWindow.received(LogWindow.paused(start), log.slice(0, 1400)))
    const later = LogWindow.received(window, log.slice(1400))
    assert.deepStrictEqual(later.held, [])
    assert.strictEqual(later.waiting, 500)
    holds(LogWindow.refilled(later, later.stands, log.slice(1000, 1400)), log)
  })

  it("leaves events that were read again for a place that it has left", () => {
    const log = eventsFrom(0, 1200)
    const start = LogWindow.begun(LogWindow.nothing, pageOf([]))
    const window = LogWindow.shown(LogWindow.received(LogWindow.paused(start), log))
    const after = LogWindow.refilled(window, Position.start, log.slice(0, 200))
    assert.deepStrictEqual(after.held, [])
    assert.strictEqual(after.waiting, 200)
  })

  it("counts events by the second, over the seconds of which it knows all", () => {
    const times = [0, 500, 1200, 1300, 1400, 3999]
    const log = times.map((time, index) => eventAt(index, START + time))
    const part = LogWindow.begun(LogWindow.nothing, {
      ...pageOf(log),
      next: Position.make(1n)
    })
    // The page may lack earlier events of its first second.
    const partly = LogWindow.rate(part, START + 4500)
    assert.strictEqual(partly.over, 3)
    assert.deepStrictEqual(partly.counts.slice(-3), [3, 0, 1])
    const whole = LogWindow.rate(LogWindow.begun(LogWindow.nothing, pageOf(log)), START + 4500)
    assert.strictEqual(whole.over, LogWindow.RATE_SECONDS)
    assert.deepStrictEqual(whole.counts.slice(-4), [2, 3, 0, 1])
    // An idle log has a rate of 0, whatever came before.
    assert.isTrue(LogWindow.rate(part, START + 120_000).counts.every((count) => count === 0))
  })
})

describe("the rate of a read model", () => {
  it("is what it folded over the last minute, and 0 once it rests", () => {
    const at = (second: number, events: number, generation = 1) => ({
      at: START + second * 1000,
      events,
      generation
    })
    let looks = looked(new Map(), "orders", at(0, 100))
    assert.isUndefined(foldedPerSecond(looks, "orders"))
    looks = looked(looks, "orders", at(2, 400))
    assert.strictEqual(foldedPerSecond(looks, "orders"), 150)
    for (let second = 4; second <= 64; second += 2) looks = looked(looks, "orders", at(second, 400))
    assert.strictEqual(foldedPerSecond(looks, "orders"), 0)
    // Another generation counts from its own first look.
    looks = looked(looks, "orders", at(66, 9000, 2))
    assert.isUndefined(foldedPerSecond(looks, "orders"))
  })
})
