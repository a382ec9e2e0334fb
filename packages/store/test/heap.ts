/**
 * The share of the data read by a program that stays in memory.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as process from "node:process"
import * as V8 from "node:v8"
import * as Vm from "node:vm"

V8.setFlagsFromString("--expose-gc")
const gc: unknown = Vm.runInNewContext("gc")

const collectGarbage = (): void => {
  if (typeof gc !== "function") throw new Error("this engine shows no garbage collector")
  Reflect.apply(gc, undefined, [])
}

/** The bytes in use after a collection. A first collection may only queue finalizers. */
const bytesInUse = Effect.gen(function* () {
  for (let times = 0; times < 2; times++) {
    yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    collectGarbage()
  }
  return process.memoryUsage()
})

interface Amount {
  readonly items: number
  readonly times: number
  /**
   * Set if the program writes: an embedded database in memory has its files in buffers, which grow
   * with the writes.
   */
  readonly writes?: boolean
}

/**
 * Returns the bytes per item that stay in use when `run` is repeated. `run` reads `items` items; it
 * runs twice before the first measurement, so that caches are full and code is compiled.
 */
const bytesKept = Effect.fnUntraced(function* <E, R>(
  run: Effect.Effect<unknown, E, R>,
  { items, times, writes = false }: Amount
) {
  yield* Effect.repeat(run, { times: 1 })
  const before = yield* bytesInUse
  yield* Effect.repeat(run, { times: times - 1 })
  const after = yield* bytesInUse
  const buffers = writes ? 0 : after.arrayBuffers - before.arrayBuffers
  return (after.heapUsed - before.heapUsed + buffers) / (items * times)
})

/**
 * The limit of bytes per item. The smallest leak exceeds it: a pointer in an array of uncompressed
 * pointers. The noise of a process of 100 MB is 1 byte per item when 200,000 are read.
 */
const MAX_BYTES = 8

/** Fails when items that were read stay in memory. */
export const keepsNothing = Effect.fnUntraced(function* <E, R>(
  run: Effect.Effect<unknown, E, R>,
  amount: Amount
) {
  const bytes = yield* bytesKept(run, amount)
  assert.isBelow(bytes, MAX_BYTES, `kept of each of ${amount.items * amount.times} items`)
})
