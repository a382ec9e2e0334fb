/**
 * The codecs of the shop, each with its lock file.
 */
import type { EventCodec } from "@daybook/kernel/EventCodec"
import * as DraftReminder from "@daybook/order/DraftReminder"
import * as OrderEvent from "@daybook/order/OrderEvent"
import * as Payment from "@daybook/order/Payment"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import * as SchemaLockFile from "@daybook/testing/SchemaLockFile"

const lock = <Event>(codec: EventCodec<Event>, name: string) => {
  const file = new URL(`../${name}`, import.meta.url)
  return {
    codec: codec.name,
    law: SchemaLockFile.law(codec, file),
    write: SchemaLockFile.write(codec, file)
  }
}

export const locks = [
  lock(OrderEvent.codec, "events.lock.json"),
  lock(Payment.codec, "payment.lock.json"),
  // With the events of the steps of every process.
  lock(PaymentProcess.process.aggregate.codec, "process_payment.lock.json"),
  lock(DraftReminder.process.aggregate.codec, "process_draft_reminder.lock.json")
]
