/**
 * The answer of a host in a soak about its state: a line of JSON.
 */
import { State } from "@daybook/projections/ProjectionStatus"
import * as Schema from "effect/Schema"

/**
 * The role of a host. `first` has the subscriptions too, and `standby` executes no commands. The
 * others have faults, execute none either, and are for tests: `faulty` retains a block at each
 * sample and has a read model that folds no event, and `dying` kills itself after its first answer.
 */
const Role = Schema.Literals(["first", "second", "standby", "faulty", "dying"])

export type Role = typeof Role.Type

export const isRole = Schema.is(Role)

/** The subscriptions of the first host; `types`: the events of one, all if it is absent. */
export const subscriptions = [
  { name: "all events", types: undefined },
  { name: "ended orders", types: ["OrderConfirmed", "OrderCancelled"] }
] as const

/** The state of a read model. */
const Model = Schema.Struct({
  name: Schema.String,
  state: State,
  /** The rows hold every event up to this position. */
  position: Schema.BigInt,
  lagEvents: Schema.Int,
  /** Empty if there is none. */
  lastError: Schema.String
})

/** The figures of a host. */
export const Held = Schema.Struct({
  /** Bytes, at a sample after a collection. */
  heap: Schema.Int,
  /** The number of handles that hold the process open. */
  handles: Schema.Int,
  commands: Schema.Int,
  /** The number of events given to each of its subscriptions. */
  given: Schema.Array(Schema.Int),
  models: Schema.Array(Model),
  errors: Schema.Int,
  lastError: Schema.String
})

export type Held = typeof Held.Type

const text = Schema.fromJsonString(Schema.toCodecJson(Held))

export const writeHeld = Schema.encodeSync(text)
export const readHeld = Schema.decodeSync(text)
