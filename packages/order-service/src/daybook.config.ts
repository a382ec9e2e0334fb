/**
 * The configuration of the `daybook` command for the shop:
 * `daybook verify --config packages/order-service/src/daybook.config.ts`.
 *
 * @since 0.1.0
 */
import * as DaybookConfig from "@daybook/cli/DaybookConfig"
import * as DraftReminder from "@daybook/order/DraftReminder"
import * as Order from "@daybook/order/Order"
import * as Payment from "@daybook/order/Payment"
import * as PaymentProcess from "@daybook/order/PaymentProcess"
import * as ReadModels from "./ReadModels.ts"

export default DaybookConfig.defineConfig({
  aggregates: [
    Order.aggregate,
    Payment.aggregate,
    PaymentProcess.process.aggregate,
    DraftReminder.process.aggregate
  ],
  projections: ReadModels.all
})
