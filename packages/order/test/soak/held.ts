/**
 * The answer of a host of a soak when it is asked what it holds: a line of JSON.
 */
import { Doing } from "@daybook/projections/ProjectionStatus"
import * as Schema from "effect/Schema"

/**
 * `first` has the subscriptions too, and `standby` executes no commands. The others have faults, execute none either, and are for tests:
 * `faulty` keeps a block at each sample and has a read model that folds no event, and `dying` kills itself after its first answer.
 */
const Role = Schema.Literals(["first", "second", "standby", "faulty", "dying"])

export type Role = typeof Role.Type

export const isRole = Schema.is(Role)

/** A subscription of the first host; `types`: the events it gives, all without. */
export const subscriptions = [
  { name: "all events", types: undefined },
  { name: "ended orders", types: ["OrderConfirmed", "OrderCancelled"] }
] as const

/** How a read model is. `position`: up to where its rows hold every event. `lastError`: empty when there is none. */
const Model = Schema.Struct({
  name: Schema.String,
  doing: Doing,
  position: Schema.BigInt,
  lagEvents: Schema.Int,
  lastError: Schema.String
})

/** `heap`: its bytes, at a sample after a collection. `handles`: what keeps the process alive. `given`: to each of its subscriptions. */
export const Held = Schema.Struct({
  heap: Schema.Int,
  handles: Schema.Int,
  commands: Schema.Int,
  given: Schema.Array(Schema.Int),
  models: Schema.Array(Model),
  errors: Schema.Int,
  lastError: Schema.String
})

export type Held = typeof Held.Type

const text = Schema.fromJsonString(Schema.toCodecJson(Held))

export const writeHeld = Schema.encodeSync(text)
export const readHeld = Schema.decodeSync(text)
