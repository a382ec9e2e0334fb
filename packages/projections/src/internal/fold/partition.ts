/**
 * The number of partitions of a shadow, and the partition of a row.
 */
import * as Effect from "effect/Effect"

/** A limit, since each partition is a row, and a statement concurrent with the others. */
export const MAX_PARTITIONS = 1_024

/** Checks the number of partitions of a new generation; dies unless it is in range. */
export const partitionCount = (parallelism: number): Effect.Effect<number> =>
  Number.isInteger(parallelism) && parallelism >= 1 && parallelism <= MAX_PARTITIONS
    ? Effect.succeed(parallelism)
    : Effect.die(
        new RangeError(
          `parallelism is ${parallelism}, allowed is a whole number from 1 to ${MAX_PARTITIONS}`
        )
      )

/**
 * Returns the partition of a key: FNV-1a over the UTF-16 code units of its text,
 * http://www.isthe.com/chongo/tech/comp/fnv/.
 *
 * Hosts of different releases build one shadow together, so the hash must never change; the hash of
 * a library might.
 */
export const partitionOf = (keyText: string, partitions: number): number => {
  let hash = 0x811c9dc5
  for (let at = 0; at < keyText.length; at++) {
    hash = Math.imul(hash ^ keyText.charCodeAt(at), 0x01000193)
  }
  // Without this a low bit of the hash would depend on the low bits of the text alone.
  return ((hash ^ (hash >>> 15)) >>> 0) % partitions
}
