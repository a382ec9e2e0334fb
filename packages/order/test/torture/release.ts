/**
 * Orders in the previous release: it does not know the removal of items, which later hosts record.
 */
import {
  type DecodeErrorReason,
  type EncodedEvent,
  EventEncodeError
} from "@daybook/kernel/EventCodec"
import type * as Projection from "@daybook/kernel/Projection"
import { aggregate } from "@daybook/order/Order"
import * as Result from "effect/Result"

const NEWER = "ItemRemoved"

const decode =
  <A>(read: (stored: EncodedEvent) => Result.Result<A, DecodeErrorReason>) =>
  (stored: EncodedEvent): Result.Result<A, DecodeErrorReason> =>
    stored.type === NEWER ? Result.fail({ _tag: "UnknownType", known: [] }) : read(stored)

export const oldAggregate: typeof aggregate = {
  ...aggregate,
  codec: {
    ...aggregate.codec,
    encode: (event) =>
      event._tag === NEWER
        ? Result.fail(new EventEncodeError({ codec: "order", type: NEWER, issue: "unknown" }))
        : aggregate.codec.encode(event),
    decode: decode(aggregate.codec.decode)
  }
}

export const old = (projection: Projection.Any): Projection.Any => ({
  ...projection,
  from: projection.from.map(({ category, codec }) => ({
    category,
    codec: {
      name: codec.name,
      versions: (codec.versions ?? []).filter(({ names }) => !names.includes(NEWER)),
      decode: decode(codec.decode)
    }
  })),
  keys: (event, recorded) => projection.keys(event, recorded),
  apply: (row, event, applied) => projection.apply(row, event, applied)
})
