import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as ReadAhead from "../src/internal/driver/readAhead.ts"

/**
 * Makes pages of one number each, 0 to `last`, and records which were begun, ended and abandoned.
 */
const numbers = (
  last: number,
  { alone = false, ready = true }: { readonly alone?: boolean; readonly ready?: boolean } = {},
  reading: (page: number) => Effect.Effect<void, string> = () => Effect.void
) => {
  const begun: Array<number> = []
  const ended: Array<number> = []
  const left: Array<number> = []
  const shares = { alone }
  const stream = ReadAhead.paginate(
    0,
    (page) =>
      Effect.suspend(() => {
        begun.push(page)
        return reading(page)
      }).pipe(
        Effect.map(() => {
          ended.push(page)
          return [[page], page === last ? Option.none() : Option.some(page + 1)] as const
        }),
        Effect.onInterrupt(() => Effect.sync(() => left.push(page)))
      ),
    { ready: () => ready, alone: Effect.sync(() => shares.alone) }
  )
  return { stream, begun, ended, left, shares }
}

const turns = Effect.forEach(Array.from({ length: 100 }), () => Effect.yieldNow, { discard: true })

/** Returns the number of pages that are begun while a consumer works on the page of this number. */
const begunDuring = (worked: number, made: ReturnType<typeof numbers>) =>
  Effect.gen(function* () {
    const works = Latch.makeUnsafe()
    const fiber = yield* made.stream.pipe(
      Stream.runForEach((page) => (page === worked ? works.await : Effect.void)),
      Effect.forkChild
    )
    yield* turns
    const { length } = made.begun
    yield* Fiber.interrupt(fiber)
    return length
  })

it.effect("gives all pages in order", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* Stream.runCollect(numbers(4).stream), [0, 1, 2, 3, 4])
  })
)

it.effect("reads no second page for a consumer that is still at the first", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* begunDuring(0, numbers(9)), 1)
  })
)

it.effect("reads one page ahead of a consumer that has asked for more, and no further", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* begunDuring(1, numbers(9)), 3)
    assert.strictEqual(yield* begunDuring(5, numbers(9)), 7)
  })
)

it.effect("reads no page ahead that isn't there yet, or on the consumer's own connection", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* begunDuring(5, numbers(9, { ready: false })), 6)
    assert.strictEqual(yield* begunDuring(5, numbers(9, { alone: true })), 6)
  })
)

it.effect("ends the reading of a page when its last consumer is gone", () =>
  Effect.gen(function* () {
    const made = numbers(9, {}, (page) => (page === 2 ? Effect.never : Effect.void))
    assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(made.stream, 2)), [0, 1])
    assert.deepStrictEqual([made.begun, made.left], [[0, 1, 2], [2]])
  })
)

it.effect("ends the reading of the page that an interrupted consumer waits for", () =>
  Effect.gen(function* () {
    const made = numbers(9, {}, (page) => (page === 2 ? Effect.never : Effect.void))
    const fiber = yield* Effect.forkChild(Stream.runDrain(made.stream))
    yield* turns
    yield* Fiber.interrupt(fiber)
    assert.deepStrictEqual([made.begun, made.left], [[0, 1, 2], [2]])
  })
)

it.effect("reads a page itself, in a transaction that has the connection that it waits for", () =>
  Effect.gen(function* () {
    let tries = 0
    const made = numbers(3, {}, (page) =>
      page === 2 && tries++ === 0 ? Effect.never : Effect.void
    )
    const seen: Array<number> = []
    yield* Stream.runForEach(made.stream, (page) =>
      Effect.sync(() => {
        seen.push(page)
        made.shares.alone = page === 1
      })
    )
    assert.deepStrictEqual(seen, [0, 1, 2, 3])
    assert.deepStrictEqual([made.begun, made.left], [[0, 1, 2, 2, 3], [2]])
  })
)

it.effect("fails where a page fails, after the pages before it", () =>
  Effect.gen(function* () {
    const made = numbers(9, {}, (page) => (page === 3 ? Effect.fail("no answer") : Effect.void))
    const seen: Array<number> = []
    const error = yield* Effect.flip(
      Stream.runForEach(made.stream, (page) => Effect.sync(() => seen.push(page)))
    )
    assert.deepStrictEqual([error, seen], ["no answer", [0, 1, 2]])
  })
)
