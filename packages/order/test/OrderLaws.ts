/**
 * The laws of an order as predicates over an implementation, so that each can be run on the real one
 * and on a broken one that it must catch.
 */
import * as Decider from "@daybook/kernel/Decider"
import type { EventCodec, StoredVersion } from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { MAX_MINOR } from "@daybook/order/Money"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderEvent } from "@daybook/order/OrderEvent"
import { OrderRejection } from "@daybook/order/OrderRejection"
import * as OrderState from "@daybook/order/OrderState"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

export type OrderDecider = Decider.Decider<
  OrderCommand,
  OrderState.OrderState,
  OrderEvent,
  OrderRejection
>

const isState = Schema.is(OrderState.OrderState)
const isEvent = Schema.is(OrderEvent)
const sameState = Schema.toEquivalence(OrderState.OrderState)
const sameEvents = Schema.toEquivalence(Schema.Array(OrderEvent))
const encodeRejection = Schema.encodeSync(OrderRejection)

export interface Step {
  readonly command: OrderCommand
  readonly before: OrderState.OrderState
  readonly decided: ReturnType<OrderDecider["decide"]>
  readonly after: OrderState.OrderState
}

/** What `commands` lead to, a rejected one to nothing. */
export const steps = (
  decider: OrderDecider,
  commands: ReadonlyArray<OrderCommand>
): ReadonlyArray<Step> => {
  let before = decider.initialState
  return commands.map((command) => {
    const decided = decider.decide(command, before)
    const after = Result.isSuccess(decided)
      ? Decider.fold(decider, decided.success, before)
      : before
    const step = { command, before, decided, after }
    before = after
    return step
  })
}

/** The events of the steps, in order. */
const eventsOf = (all: ReadonlyArray<Step>): ReadonlyArray<OrderEvent> =>
  all.flatMap(({ decided }) => (Result.isSuccess(decided) ? decided.success : []))

/** Invariant 12: any event in any state gives a state that the schema accepts. */
export const evolveIsTotal = (
  decider: OrderDecider,
  state: OrderState.OrderState,
  events: ReadonlyArray<OrderEvent>
): boolean => {
  try {
    let current = state
    return events.every((event) => isState((current = decider.evolve(current, event))))
  } catch {
    return false
  }
}

/** Every decided event fits its schema, and makes a difference. */
export const evolveAcceptsDecisions = (
  decider: OrderDecider,
  commands: ReadonlyArray<OrderCommand>
): boolean =>
  steps(decider, commands).every(({ before, decided }) => {
    if (Result.isFailure(decided)) return true
    let current = before
    return decided.success.every((event) => {
      const next = decider.evolve(current, event)
      const accepted = isEvent(event) && isState(next) && !sameState(current, next)
      current = next
      return accepted
    })
  })

/** Invariant 12: the total of the state is what was added less what was removed, to the last unit. */
export const moneyNeverDrifts = (
  decider: OrderDecider,
  total: (state: OrderState.OrderState) => bigint,
  commands: ReadonlyArray<OrderCommand>
): boolean => {
  const all = steps(decider, commands)
  const expected = { minor: 0n, items: 0n }
  for (const event of eventsOf(all)) {
    if (event._tag !== "ItemAdded" && event._tag !== "ItemRemoved") continue
    const sign = event._tag === "ItemAdded" ? 1n : -1n
    expected.items += sign * BigInt(event.quantity)
    expected.minor += sign * BigInt(event.quantity) * BigInt(event.unitPrice.minor)
  }
  const last = all.at(-1)?.after ?? decider.initialState
  return (
    total(last) === expected.minor &&
    expected.minor <= BigInt(MAX_MINOR) &&
    BigInt(OrderState.itemCount(last)) === expected.items
  )
}

/** An accepted removal takes what it was asked for, the price that was added last first. */
export const removalIsExact = (
  decider: OrderDecider,
  commands: ReadonlyArray<OrderCommand>
): boolean => {
  const units = (state: OrderState.OrderState, productId: string): ReadonlyArray<number> =>
    OrderState.lines(state)
      .filter((line) => line.productId === productId)
      .flatMap((line) => Array<number>(line.quantity).fill(line.unitPriceMinor))
  // Unit by unit is a second way to the answer, affordable for small orders only.
  const small = commands.filter((c) => c._tag !== "AddItem" || c.quantity < 100)
  return steps(decider, small).every(({ after, before, command, decided }) => {
    if (command._tag !== "RemoveItem" || Result.isFailure(decided)) return true
    const had = units(before, command.productId)
    const kept = command.quantity === undefined ? [] : had.slice(0, -command.quantity)
    return JSON.stringify(units(after, command.productId)) === JSON.stringify(kept)
  })
}

/** What is shipped or cancelled stays as it is, whatever is asked or recorded. */
export const closedOrdersStay = (
  decider: OrderDecider,
  commands: ReadonlyArray<OrderCommand>,
  events: ReadonlyArray<OrderEvent>
): boolean =>
  steps(decider, commands).every(({ after, before, decided }) => {
    if (before._tag !== "Shipped" && before._tag !== "Cancelled") return true
    const silent = Result.isFailure(decided) || decided.success.length === 0
    return (
      silent && sameState(before, after) && sameState(before, Decider.fold(decider, events, before))
    )
  })

/** The same command in an equal state gives an equal answer, and the state is left alone. */
export const decideIsAFunction = (
  decider: OrderDecider,
  commands: ReadonlyArray<OrderCommand>
): boolean =>
  steps(decider, commands).every(({ before, command, decided }) => {
    const copy = structuredClone(before)
    const again = decider.decide(command, copy)
    return sameState(copy, before) && answer(again) === answer(decided)
  })

const answer = (decided: ReturnType<OrderDecider["decide"]>): string =>
  Result.isSuccess(decided)
    ? JSON.stringify(decided.success)
    : JSON.stringify(encodeRejection(decided.failure))

/** Invariant 9: an event comes back from its stored JSON text as it was. */
export const roundTrips = (codec: EventCodec<OrderEvent>, event: OrderEvent): boolean => {
  const encoded = codec.encode(event)
  if (Result.isFailure(encoded)) return false
  const { schemaVersion, type } = encoded.success
  const decoded = codec.decode(recorded(type, schemaVersion, JSON.stringify(encoded.success.data)))
  return Result.isSuccess(decoded) && sameEvents(decoded.success, [event])
}

/** Invariant 9: data of any version ever stored means some events of today, which a fold accepts. */
export const oldVersionsDecode = (
  codec: EventCodec<OrderEvent>,
  decider: OrderDecider,
  { names, schema, schemaVersion }: StoredVersion,
  value: unknown
): boolean => {
  const data = Schema.encodeUnknownSync(Schema.fromJsonString(Schema.toCodecJson(schema)))(value)
  const decoded = codec.decode(recorded(names[0], schemaVersion, data))
  return (
    Result.isSuccess(decoded) &&
    decoded.success.every((event) => isEvent(event)) &&
    isState(Decider.fold(decider, decoded.success))
  )
}

/** What a store gives back for an event that it keeps as JSON text. */
export const recorded = (type: string, schemaVersion: number, text: string) => ({
  id: EventId.make("00000000-0000-4000-8000-000000000001"),
  type,
  schemaVersion,
  data: Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))(text),
  metadata: {},
  occurredAt: DateTime.makeUnsafe(0),
  recordedAt: DateTime.makeUnsafe(0),
  streamId: Result.getOrThrow(StreamId.fromString("order-1")),
  revision: Revision.make(1),
  position: Position.make(1n)
})
