/**
 * Prints the night.
 *
 * @since 0.1.0
 */
import type * as ProcessEvents from "@daybook/kernel/ProcessEvent"
import type { DraftReminderEvent } from "@daybook/order/DraftReminder"
import type { OrderState } from "@daybook/order/OrderState"
import type { PaymentProcessEvent } from "@daybook/order/PaymentProcess"
import type { Loaded } from "@daybook/store/CommandHandler"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import * as Output from "./Output.ts"
import * as Sentences from "./Sentences.ts"
import * as ShopTime from "./ShopTime.ts"

/**
 * An event of a process of the shop.
 *
 * @category types
 * @since 0.1.0
 */
export type ShopProcessEvent = PaymentProcessEvent | DraftReminderEvent | ProcessEvents.ProcessEvent

/**
 * An order, and the history of its process.
 *
 * @category types
 * @since 0.1.0
 */
export interface Outcome extends Loaded<OrderState> {
  readonly history: ReadonlyArray<ShopProcessEvent>
}

/**
 * Prints the line between the questions and the night.
 *
 * @category operations
 * @since 0.1.0
 */
export const opening = Effect.flatMap(Output.style, (style) =>
  Console.log(
    `\n${style.dim("Night. Processes follow the log, and act when time is up. Their own history is in the log too.")}`
  )
)

const question = Effect.fnUntraced(function* (text: string, { history, revision, state }: Outcome) {
  const style = yield* Output.style
  const lines = Output.table(
    [{ title: "rev", align: "right" }, { title: "its process" }],
    history.map((event, index) => [String(index + 1), sentence(event)])
  )
  yield* Console.log(
    [
      "",
      style.bold(text),
      `  ${Sentences.summary(state)}, at revision ${revision}`,
      ...lines.map((line) => `  ${line}`)
    ].join("\n")
  )
})

/**
 * Prints the end of an order that was not paid in time.
 *
 * @category operations
 * @since 0.1.0
 */
export const unpaid = (order: string, outcome: Outcome) =>
  question(`What became of ${order}, confirmed three weeks ago and never paid?`, outcome)

/**
 * Prints the reminder of a draft.
 *
 * @category operations
 * @since 0.1.0
 */
export const draft = (order: string, outcome: Outcome) =>
  question(`What became of ${order}, opened five days ago and left alone?`, outcome)

/**
 * Prints the release of an order that was paid.
 *
 * @category operations
 * @since 0.1.0
 */
export const paid = (order: string, outcome: Outcome) =>
  question(`What became of ${order}, confirmed two days ago and paid yesterday?`, outcome)

/** Describes an event of a process, such as `sends CancelOrder to order-joan-qrcz`. */
const sentence = (event: ShopProcessEvent): string => {
  switch (event._tag) {
    case "EventReceived":
      return `takes ${event.type} of ${event.streamId}`
    case "CommandIssued":
      return `sends ${nameOf(event.command)} to ${event.to}-${event.id}`
    case "CommandRejected":
      return `learns that ${nameOf(event.command)} is refused: ${event.reason}`
    case "TimerSet":
      return `sets the timer ${event.timer}, due ${ShopTime.dateAndTime(event.due)}`
    case "TimerFired":
      return `is woken by the timer ${event.timer}`
    case "TimerCancelled":
      return `cancels the timer ${event.timer}`
    case "ProcessEnded":
      return "ends"
    case "OrderReleased":
    case "PaymentOverdue":
      return `records ${event._tag}`
    case "DraftOpened":
    case "ReminderDue":
      return `records ${event._tag} for ${event.customerId}`
  }
}

const nameOf = (command: Schema.Json): string =>
  Predicate.hasProperty(command, "_tag") && typeof command._tag === "string"
    ? command._tag
    : "a command"
