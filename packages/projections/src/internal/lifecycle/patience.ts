/**
 * The commands that wait for the holder of a generation.
 */
import type { Transition } from "./command.ts"
import { find, type State } from "./state.ts"

/**
 * Returns true if a command waits for a generation that a step or a promotion has locked.
 *
 * A claim does not: the generation has a holder at work, from whom the claim would take it. Only
 * the holder itself waits. A renewal does not either: a holder at work needs none, and a
 * transaction that ends the claim is found by the next renewal. So a long promotion does not take
 * two connections.
 */
export const waits = (command: Transition, state: State): boolean =>
  command._tag === "Claim"
    ? find(state, command.generation)?.owner === command.owner
    : command._tag !== "Renew"
