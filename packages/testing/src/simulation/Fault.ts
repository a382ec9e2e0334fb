/**
 * The faults that a simulation injects into hosts, their stores and the calls between them.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The kinds of faults, each with a description.
 *
 * @category constants
 * @since 0.1.0
 */
export const kinds = {
  "append-unsent": "an append fails and did not happen",
  "append-unacknowledged": "an append happens, and its answer is lost",
  "append-late": "an append fails, and happens later all the same",
  "append-repeated": "an append is delivered twice, the second time later",
  "append-outrun": "before an append, others execute commands on its stream",
  "read-fails": "a reading of the log ends early",
  "call-slow": "a call of a store, or its answer, is slow",
  "snapshot-vanishes": "a snapshot is not found, or all of a stream are deleted",
  "snapshot-stale": "an older snapshot than the newest is returned",
  "snapshot-fails": "a call of the snapshot store fails, before or after it took effect",
  "rows-unsent": "a call of the read-model store fails and did not happen",
  "rows-unacknowledged": "a call of the read-model store happens, and its answer is lost",
  "rows-late": "a call of the read-model store fails, and happens later all the same",
  "groups-unsent": "a call of the consumer groups fails and did not happen",
  "groups-unacknowledged": "a call of the consumer groups happens, and its answer is lost",
  "reaction-fails": "a reaction fails, before or after it took effect",
  "subscription-drops": "a subscription ends",
  "page-redelivered": "a page of a subscription is delivered again",
  "host-freezes": "a host dies between two steps, without cleaning up",
  "host-stops": "a host is interrupted between two steps, and cleans up",
  "host-sleeps": "a host stands still for longer than its leases, and continues",
  "command-repeated": "a command is sent again on another host, though it is on its way or done",
  "caller-leaves": "a client does not wait for the answer to its command, and never sends it again",
  "rows-rebuilt": "a read model is rebuilt during everything else",
  "row-too-large": "an event makes a row larger than the limit",
  "old-host": "a host is of an older release, which does not know a type of events",
  "log-restored": "the log is restored to an earlier time while it is in use"
} as const

/**
 * One of {@link kinds}.
 *
 * @category types
 * @since 0.1.0
 */
export type Kind = keyof typeof kinds

/**
 * A fault of a run: its kind, and the number of the occasion at which it happened, counted from 1
 * for each kind; such as `append-late#12`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Fault = Schema.TemplateLiteral([
  Schema.Literals(Object.keys(kinds) as ReadonlyArray<Kind>),
  "#",
  Schema.Int
])

/**
 * @category types
 * @since 0.1.0
 */
export type Fault = typeof Fault.Type

/**
 * Returns the kind of a fault.
 *
 * @category getters
 * @since 0.1.0
 */
export const kind = (fault: Fault): Kind =>
  // The template puts a kind before the sign.
  fault.slice(0, fault.indexOf("#")) as Kind
