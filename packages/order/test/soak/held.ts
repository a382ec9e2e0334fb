/**
 * What a host of a soak tells of itself: a line of JSON.
 */
import * as Schema from "effect/Schema"

/** `first` has the subscriptions too, `standby` executes no commands, and `leaky` keeps something of each. */
const Role = Schema.Literals(["first", "second", "standby", "leaky"])

export type Role = typeof Role.Type

export const isRole = Schema.is(Role)

/** `heap`: its bytes after a collection. `handles`: what keeps the process alive. `given`: to its subscriptions. */
export const Held = Schema.Struct({
  heap: Schema.Int,
  handles: Schema.Int,
  commands: Schema.Int,
  given: Schema.Int,
  errors: Schema.Int,
  lastError: Schema.String
})

export type Held = typeof Held.Type

const text = Schema.fromJsonString(Held)

export const writeHeld = Schema.encodeSync(text)
export const readHeld = Schema.decodeSync(text)
