/**
 * The settled ends that a store remembers, and the place of its next look.
 */
import * as EventId from "@daybook/kernel/EventId"
import * as EventMark from "@daybook/kernel/EventMark"
import * as LogId from "@daybook/kernel/LogId"
import * as Position from "@daybook/kernel/Position"
import type { Origin } from "@daybook/store/driver/EventStoreDriver"
import { assert, it } from "@effect/vitest"
import * as Ends from "../src/internal/driver/ends.ts"

const at = (position: number) => Position.make(BigInt(position))
const log = LogId.make("00000000-0000-4000-8000-000000000000")
const markOf = (position: number) =>
  EventMark.at(EventId.make("00000000-0000-4000-8000-000000000000"), position)

/** A look at `given` in a log that has an event at each position. */
const look = (given: number, settled: number, changes: Partial<Origin> = {}): Origin => ({
  log,
  settled: at(settled),
  newest: at(settled),
  settledEvent: markOf(settled),
  givenEvent: given === 0 ? null : markOf(given),
  ...changes
})

/** The ends after looks, each at the end of the one before. */
const upTo = (last: number): Ends.Ends => {
  let ends = Ends.after(Ends.none, at(0), look(0, 1))
  for (let n = 1; n < last; n++) ends = Ends.after(ends, at(n), look(n, n + 1))
  return ends
}
const placesOf = ({ marks }: Ends.Ends) => Array.from(marks.keys(), Number)

it("The newest 64 ends are remembered", () => {
  assert.deepStrictEqual(
    placesOf(upTo(63)),
    Array.from({ length: 64 }, (_, n) => n)
  )
  const { marks, newest } = upTo(100)
  assert.deepStrictEqual(
    placesOf(upTo(100)),
    Array.from({ length: 64 }, (_, n) => n + 37)
  )
  assert.strictEqual(newest, at(100))
  for (const [place, mark] of marks) assert.strictEqual(mark, markOf(Number(place)))
})

it("Ends are forgotten when the log may be of another history", () => {
  const other = LogId.make("00000000-0000-4000-8000-000000000001")
  const ends = upTo(5)
  assert.deepStrictEqual(placesOf(Ends.after(ends, at(5), look(5, 7))), [0, 1, 2, 3, 4, 5, 7])
  for (const origin of [look(5, 7, { log: other }), look(5, 7, { givenEvent: markOf(99) })]) {
    const after = Ends.after(ends, at(5), origin)
    assert.deepStrictEqual(placesOf(after), [5, 7])
    assert.strictEqual(after.marks.get(at(5)), origin.givenEvent)
    assert.strictEqual(after.log, origin.log)
  }
  // The log was restored to a time before the place of the look.
  const restored = Ends.after(ends, at(5), look(5, 3, { givenEvent: markOf(3) }))
  assert.deepStrictEqual(placesOf(restored), [3])
  assert.strictEqual(restored.newest, at(3))
  // A look elsewhere does not prove the newest end.
  assert.deepStrictEqual(placesOf(Ends.after(ends, at(2), look(2, 7))), [2, 7])
})

it("A log whose newest event lies before the place of a look keeps no end", () => {
  const ends = upTo(5)
  // Its mark at the place is then the one of an earlier event; an equal one proves nothing.
  assert.deepStrictEqual(placesOf(Ends.after(ends, at(5), look(5, 3))), [3])
})

it("An open append that holds a look back changes nothing", () => {
  const ends = upTo(5)
  assert.strictEqual(Ends.after(ends, at(5), look(5, 4, { newest: at(6) })), ends)
})

it("A look is at the newest end, unless most followers stand elsewhere", () => {
  const ends = upTo(5)
  const placeOf = (...places: ReadonlyArray<number>) =>
    Number(Ends.placeOfLook(ends, places.map(at)))
  assert.strictEqual(placeOf(), 5)
  assert.strictEqual(placeOf(5, 5, 3), 5)
  assert.strictEqual(placeOf(5, 9), 5)
  assert.strictEqual(placeOf(5, 9, 9), 9)
  assert.strictEqual(placeOf(8, 9, 9, 7, 5), 9)
  assert.strictEqual(Number(Ends.placeOfLook(Ends.none, [at(4)])), 4)
  assert.strictEqual(Number(Ends.placeOfLook(Ends.none, [])), 0)
})
