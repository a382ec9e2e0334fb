/**
 * The process `draft_reminder`: a customer who leaves a draft alone is reminded of it, once.
 *
 * **Details**
 * Its own event `ReminderDue` is the message to the customer: a reactor that follows the category
 * `process_draft_reminder` sends it.
 *
 * @since 0.1.0
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import type * as Named from "@daybook/kernel/Named"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Schema from "effect/Schema"
import { identifier } from "./internal/Text.ts"
import * as Order from "./Order.ts"

/**
 * The events of the process itself.
 *
 * @category types
 * @since 0.1.0
 */
export const DraftReminderEvent = Schema.TaggedUnion({
  DraftOpened: { customerId: identifier },
  ReminderDue: { customerId: identifier }
})

/**
 * @category types
 * @since 0.1.0
 */
export type DraftReminderEvent = Named.Union<typeof DraftReminderEvent>

/**
 * The states of the process.
 *
 * @category types
 * @since 0.1.0
 */
export const DraftReminderState = Schema.TaggedUnion({
  NotOpened: {},
  Open: { customerId: identifier },
  Reminded: {}
})

/**
 * @category types
 * @since 0.1.0
 */
export type DraftReminderState = Named.Union<typeof DraftReminderState>

/**
 * The time without a change after which a draft counts as left alone.
 *
 * @category limits
 * @since 0.1.0
 */
export const PATIENCE = "3 days"

/**
 * Processes, each in a stream such as `process_draft_reminder-42`, where 42 is the id of the order.
 *
 * @category processes
 * @since 0.1.0
 */
export const process = ProcessManager.define({
  name: "draft_reminder",
  from: [Order.aggregate],
  timers: ["leftAlone"],
  events: EventCodec.make({ name: "draft_reminder", events: DraftReminderEvent }),
  state: DraftReminderState
}).make({
  initialState: { _tag: "NotOpened" },
  correlate: (event, { streamId }) => {
    const id = StreamId.id(streamId)
    switch (event._tag) {
      case "OrderCreated":
        return { start: id }
      case "ItemAdded":
      case "ItemRemoved":
      case "ProductRemoved":
      case "ShippingAddressUpdated":
        return { continue: id }
      case "OrderConfirmed":
      case "OrderShipped":
      case "OrderCancelled":
        return { end: id }
    }
  },
  evolve: (_, event) =>
    event._tag === "DraftOpened"
      ? { _tag: "Open", customerId: event.customerId }
      : { _tag: "Reminded" },
  react: (state, input) => {
    switch (input._tag) {
      case "OrderCreated":
        return {
          events: [{ _tag: "DraftOpened", customerId: input.customerId }],
          timers: [{ set: "leftAlone", after: PATIENCE }]
        }
      case "TimerFired":
        return state._tag === "Open"
          ? { events: [{ _tag: "ReminderDue", customerId: state.customerId }] }
          : {}
      case "OrderConfirmed":
      case "OrderShipped":
      case "OrderCancelled":
        return {}
      default:
        return { timers: [{ set: "leftAlone", after: PATIENCE }] }
    }
  },
  isDone: (state) => state._tag === "Reminded"
})
