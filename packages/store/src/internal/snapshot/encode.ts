/**
 * Refuses a snapshot, or encodes its state as JSON text, the same for every snapshot store.
 */
import { textOf } from "@daybook/kernel/Printable"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MAX_JSON_DEPTH } from "../../EventStore.ts"
import { MAX_STATE_BYTES, Snapshot, SnapshotRefused } from "../../SnapshotStore.ts"
import * as Json from "../driver/json.ts"

/** A snapshot with its state as text. */
export type EncodedSnapshot = Omit<Snapshot, "state"> & { readonly state: string }

// The state is left out: it is checked below, once and by the same code as events.
const { state: _, ...address } = Snapshot.fields
const check = Schema.decodeUnknownResult(Schema.toType(Schema.Struct(address)))

export const encodeSnapshot = (
  snapshot: Snapshot
): Result.Result<EncodedSnapshot, SnapshotRefused> => {
  const { streamId } = snapshot
  const checked = check(snapshot)
  if (Result.isFailure(checked)) {
    return refuse(textOf(streamId), { _tag: "Invalid", issue: checked.failure.message })
  }
  const limits = { maxBytes: MAX_STATE_BYTES, maxDepth: MAX_JSON_DEPTH }
  const state = Json.encode(snapshot.state, limits)
  if (Result.isSuccess(state)) return Result.succeed({ ...snapshot, state: state.success.text })
  const { failure } = state
  return refuse(
    streamId,
    failure._tag === "TooLarge"
      ? { _tag: "TooLarge", bytes: failure.bytes, limit: MAX_STATE_BYTES }
      : { _tag: "NotJson", path: ["state", ...failure.path].join("."), found: failure.found }
  )
}

const refuse = (streamId: string, reason: SnapshotRefused["reason"]) =>
  Result.fail(new SnapshotRefused({ streamId, reason }))
