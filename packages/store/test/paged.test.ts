import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Paged from "../src/internal/driver/paged.ts"
import * as ReadAhead from "../src/internal/driver/readAhead.ts"

/** A stream of the numbers 1 and 2, whose pages are given as 10 and 20. */
const told = Paged.make<number, never>(Stream.make(1, 2), (use) =>
  Effect.andThen(use([10]), use([20]))
)

const collected = <E>(stream: Stream.Stream<number, E>) =>
  Effect.gen(function* () {
    const pages: Array<ReadonlyArray<number>> = []
    yield* Paged.forEachPage(stream, (page) => Effect.sync(() => void pages.push(page)))
    return pages
  })

it.effect("takes the pages that a stream gives", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* collected(told), [[10], [20]])
    assert.deepStrictEqual(yield* Stream.runCollect(told), [1, 2])
  })
)

it.effect("runs a stream that was made from another one, so that a wrapper sees each read", () =>
  Effect.gen(function* () {
    const wrapped = Stream.map(told, (n) => n + 1)
    assert.deepStrictEqual((yield* collected(wrapped)).flat(), [2, 3])
    assert.deepStrictEqual((yield* collected(Stream.take(told, 1))).flat(), [1])
  })
)

it.effect("ends at the page whose use fails", () =>
  Effect.gen(function* () {
    const seen: Array<number> = []
    const error = yield* Effect.flip(
      Paged.forEachPage(told, ([first]) =>
        Effect.andThen(
          Effect.sync(() => seen.push(first)),
          Effect.fail("unreadable")
        )
      )
    )
    assert.deepStrictEqual([error, seen], ["unreadable", [10]])
  })
)

it.effect("reads ahead at once for a consumer that has read pages before", () =>
  Effect.gen(function* () {
    const begun: Array<number> = []
    const stream = ReadAhead.paginate(
      1,
      (page) =>
        Effect.sync(() => {
          begun.push(page)
          return [[page], Option.some(page + 1)] as const
        }),
      { alone: Effect.succeed(false), isFirst: false, ready: () => true }
    )
    assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(stream, 1)), [1])
    assert.deepStrictEqual(begun, [1, 2])
  })
)
