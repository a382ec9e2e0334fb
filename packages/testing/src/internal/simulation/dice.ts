/**
 * Draws numbers from a seed and a label, so that one use does not disturb another.
 *
 * Seeding the generator of `effect/Random` takes longer than a point of a simulation takes to run,
 * and each point has its own dice.
 */
import * as Hash from "effect/Hash"

export interface Dice {
  /** Draws a number from 0, included, to 1, excluded. */
  readonly next: () => number
  /** Draws an integer from 0 to `bound` - 1. */
  readonly below: (bound: number) => number
  /** Returns true with the given probability. */
  readonly chance: (probability: number) => boolean
  /** Picks one of the members, of which there must be at least one. */
  readonly pick: <A>(members: ReadonlyArray<A>) => A
}

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough for choices. */
export const make = (seed: number, label: string): Dice => {
  let state = Hash.string(label) ^ Math.imul(seed, 0x9e37_79b1)
  const next = () => {
    state = (state + 0x6d2b_79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    // The index is within the list.
    pick: <A>(members: ReadonlyArray<A>) => members[below(members.length)] as A
  }
}

/**
 * Random bytes and ids from dice, for `effect/crypto/WebCrypto`; digests are real, and computed
 * synchronously.
 */
export const webCrypto = (
  dice: Dice,
  digest: (name: string, bytes: Uint8Array) => ArrayBuffer
): typeof globalThis.crypto => {
  const getRandomValues = <T extends ArrayBufferView>(array: T): T => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    for (let index = 0; index < bytes.length; index++) bytes[index] = dice.below(256)
    return array
  }
  return {
    getRandomValues,
    randomUUID: () => {
      const bytes = getRandomValues(new Uint8Array(16))
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
      const variant = "89ab".charAt(dice.below(4))
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
    },
    subtle: {
      ...globalThis.crypto.subtle,
      digest: (
        algorithm: string | { readonly name: string },
        data: ArrayBuffer | ArrayBufferView
      ) =>
        Promise.resolve(
          digest(
            typeof algorithm === "string" ? algorithm : algorithm.name,
            ArrayBuffer.isView(data)
              ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
              : new Uint8Array(data)
          )
        )
    }
  }
}
