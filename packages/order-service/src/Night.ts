/**
 * The night after the day in a shop: processes see to orders that were left undone, printed as they
 * do it.
 *
 * @since 0.1.0
 */
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import type { EventSource } from "@daybook/kernel/Projection"
import * as StreamId from "@daybook/kernel/StreamId"
import * as DraftReminder from "@daybook/order/DraftReminder"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import { CurrentMetadata } from "@daybook/store/CommandHandler"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as NightPage from "./NightPage.ts"
import { Orders } from "./Orders.ts"
import { ShopProcesses } from "./ShopProcesses.ts"
import * as ShopTime from "./ShopTime.ts"

type Processes = EventSource<NightPage.ShopProcessEvent>

const payments: Processes = PaymentProcess.process.aggregate
const reminders: Processes = DraftReminder.process.aggregate

const chess = {
  productId: "chess",
  name: "Travelling chess set",
  quantity: 1,
  unitPrice: { currency: "GBP", minor: 1_295 }
}

const address = {
  recipient: "Hedy Lamarr",
  line1: "7 Bell Lane",
  city: "Leeds",
  postalCode: "LS2 7EW",
  country: "GB"
}

/**
 * Leaves three orders undone and returns what the processes make of them. `till` ends the names of
 * the orders.
 *
 * **Details**
 * The orders happened days and weeks ago, and are recorded now; the processes count from the times
 * at which they happened.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function* (till: string) {
  const processes = yield* ShopProcesses
  const now = yield* DateTime.now
  yield* processes.run
  yield* NightPage.opening

  const unpaid = `joan-${till}`
  yield* execute(unpaid, ShopTime.at(ShopTime.daysBefore(now, 21), "10:05"), [
    { _tag: "CreateOrder", customerId: "joan", currency: "GBP" },
    { _tag: "AddItem", ...chess },
    { _tag: "ConfirmOrder" }
  ])
  const cancelled = yield* outcome(unpaid, payments, "ProcessEnded")
  yield* NightPage.unpaid(unpaid, cancelled)

  const draft = `mary-${till}`
  yield* execute(draft, ShopTime.at(ShopTime.daysBefore(now, 5), "11:40"), [
    { _tag: "CreateOrder", customerId: "mary", currency: "GBP" }
  ])
  const reminded = yield* outcome(draft, reminders, "ProcessEnded")
  yield* NightPage.draft(draft, reminded)

  const paid = `hedy-${till}`
  yield* execute(paid, ShopTime.at(ShopTime.daysBefore(now, 2), "16:20"), [
    { _tag: "CreateOrder", customerId: "hedy", currency: "GBP" },
    { _tag: "AddItem", ...chess },
    { _tag: "UpdateShippingAddress", address },
    { _tag: "ConfirmOrder" }
  ])
  yield* processes.upTo(StreamId.StreamId.make(`payment-${paid}`), "PaymentRequested")
  const yesterday = ShopTime.daysBefore(now, 1)
  yield* processes.pay(paid, {
    amount: chess.unitPrice,
    reference: "card 4417",
    occurredAt: ShopTime.at(yesterday, "09:15")
  })
  yield* processes.upTo(streamOf(paid, payments), "OrderReleased")
  yield* execute(paid, ShopTime.at(yesterday, "14:30"), [
    { _tag: "ShipOrder", carrier: "Royal Mail", tracking: "RM 20" }
  ])
  const shipped = yield* outcome(paid, payments, "ProcessEnded")
  yield* NightPage.paid(paid, shipped)
  return { cancelled, reminded, shipped }
}, Effect.scoped)

/** Executes commands that happened at one time; the script has none that is rejected. */
const execute = Effect.fnUntraced(function* (
  order: string,
  occurredAt: DateTime.Utc,
  commands: ReadonlyArray<OrderCommand>
) {
  const { execute } = yield* Orders
  const requests = commands.map((command) => ({ command, occurredAt }))
  const answers = yield* execute(order, requests).pipe(
    Effect.provideService(CurrentMetadata, { actor: "Tom" })
  )
  yield* Effect.fromResult(Result.all(answers))
})

const streamOf = (order: string, { category }: Processes) =>
  StreamId.StreamId.make(`${category}-${order}`)

/** Waits for the process of an order, and returns the order and the history of the process. */
const outcome = Effect.fnUntraced(function* (order: string, processes: Processes, last: string) {
  const recorded = yield* (yield* ShopProcesses).upTo(streamOf(order, processes), last)
  const history = yield* Effect.forEach(recorded, (one) =>
    Effect.fromResult(decodeRecorded(processes.codec, one))
  )
  return { ...(yield* (yield* Orders).load(order)), history: history.flat() }
})
