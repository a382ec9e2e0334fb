/**
 * Imports a file of orders through commands, one order per invoice.
 *
 * **Details**
 * The file is read twice: the survey finds faults of the whole file and counts the rows of each
 * invoice, the import executes them. The rows of an invoice may be scattered: they wait for the
 * invoice's last row, which closes the order; at most 400 rows of an invoice wait, and 20,000 of
 * all. So an order of n rows is loaded at most 1 + n / 400 + r / 20,000 times, where r is the
 * number of rows from its first to its last, however invoices alternate.
 * Memory holds a few words for each invoice, the waiting rows, and an id for each row of an open
 * order. Recorded events stay when the import dies: importing the file again completes it.
 *
 * @since 0.1.0
 */
import type { CommandId } from "@daybook/kernel/CommandId"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import type { Request } from "@daybook/store/CommandHandler"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { FileSystem } from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as CsvFile from "./CsvFile.ts"
import * as Listed from "./Listed.ts"
import * as OrderRow from "./OrderRow.ts"
import { Orders } from "./Orders.ts"

/**
 * The most rows in one append. With the commands that open and close the order they stay well below
 * the 1,000 events that a store takes at once.
 */
const MAX_ROWS_AT_ONCE = 400

/** The most rows that wait for other rows of their invoices, some 10 MB; then all are executed. */
const MAX_WAITING = 20_000

/**
 * The content of a file, as far as it can be known without folding orders.
 *
 * @category types
 * @since 0.1.0
 */
export interface Survey {
  readonly path: string
  readonly rows: number
  /** The number of acceptable rows of each invoice that has any, in file order. */
  readonly orders: ReadonlyMap<string, number>
}

/**
 * The result of an import.
 *
 * @category types
 * @since 0.1.0
 */
export interface Imported {
  /** The number of events that this run added. */
  readonly recorded: number
  /** The number of the file's events that the log had already. */
  readonly known: number
  readonly refused: Listed.Listed<OrderRow.RefusedRow>
  /** Rows that deserve a look. */
  readonly remarks: Listed.Listed<OrderRow.RefusedRow>
}

const rows = (path: string) => Stream.map(CsvFile.records(path), OrderRow.fromRecord)

/**
 * Reads the file once, to its end, without touching a store.
 *
 * @category operations
 * @since 0.1.0
 */
export const survey = (path: string): Effect.Effect<Survey, CsvFile.CsvFileError, FileSystem> =>
  Effect.suspend(() => {
    const orders = new Map<string, number>()
    let count = 0
    return rows(path).pipe(
      Stream.runForEachArray((batch) =>
        Effect.sync(() => {
          count += batch.length
          for (const row of batch) {
            if (Result.isFailure(row)) continue
            const { invoice } = row.success
            orders.set(invoice, (orders.get(invoice) ?? 0) + 1)
          }
        })
      ),
      Effect.map(() => ({ path, rows: count, orders }))
    )
  })

/**
 * Decides which rows are executed after one more waits: the rows of its invoice, all, or none yet.
 *
 * @category operations
 * @since 0.1.0
 */
export const turn = (rows: {
  /** True for the last row of its invoice. */
  readonly isComplete: boolean
  /** The number of waiting rows of the invoice, this one included. */
  readonly ofInvoice: number
  /** The number of all waiting rows, this one included. */
  readonly ofAll: number
}): "wait" | "invoice" | "all" => {
  if (rows.isComplete || rows.ofInvoice >= MAX_ROWS_AT_ONCE) return "invoice"
  return rows.ofAll >= MAX_WAITING ? "all" : "wait"
}

/**
 * Executes the rows of a surveyed file; calls `onProgress` with the number of rows done.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.fn("CsvImport.run")(function* (
  { orders, path }: Survey,
  onProgress: (rows: number) => Effect.Effect<void> = () => Effect.void
) {
  const shop = yield* Orders
  const opened = new Map<string, Opened>()
  const refused = Listed.make<OrderRow.RefusedRow>(byLine)
  const remarks = Listed.make<OrderRow.RefusedRow>(byLine)
  let recorded = 0
  let known = 0
  let done = 0
  let waiting = 0

  const execute = Effect.fnUntraced(function* (order: Opened) {
    const steps: Array<Step> = []
    for (const row of order.waiting) {
      steps.push(...stepsOf(row, order, orders.get(row.invoice) ?? 0))
      if (row.create.customerId === order.customerId) continue
      const reason = `customer ${row.create.customerId} on an order of customer ${order.customerId}`
      remarks.add({ line: row.line, invoice: row.invoice, reason })
    }
    const { invoice } = order
    const answers = steps.length === 0 ? [] : yield* shop.execute(invoice, steps)
    for (const [step, answer] of Arr.zip(steps, answers)) {
      if (Result.isSuccess(answer)) {
        const { events, repeated } = answer.success
        if (repeated) known += events
        else recorded += events
      } else if (step.command._tag === "AddItem") {
        refused.add({ line: step.line, invoice, reason: answer.failure.message })
      } else {
        const reason = `${step.command._tag} was rejected: ${answer.failure.message}`
        remarks.add({ line: step.line, invoice, reason })
      }
    }
    done += order.waiting.length
    waiting -= order.waiting.length
    order.waiting = []
    yield* onProgress(done)
  })

  const executeAll = Effect.suspend(() =>
    Effect.forEach(
      Array.from(opened.values()).filter((order) => order.waiting.length > 0),
      execute,
      { discard: true }
    )
  )

  yield* Stream.runForEach(rows(path), (row) => {
    if (Result.isFailure(row)) {
      refused.add(row.failure)
      done += 1
      return done % MAX_ROWS_AT_ONCE === 0 ? onProgress(done) : Effect.void
    }
    const { invoice } = row.success
    const order = openedOf(opened, invoice)
    order.waiting.push(row.success)
    waiting += 1
    const isComplete = order.accepted + order.waiting.length === orders.get(invoice)
    switch (turn({ isComplete, ofInvoice: order.waiting.length, ofAll: waiting })) {
      case "wait":
        return Effect.void
      case "invoice":
        return execute(order)
      case "all":
        return executeAll
    }
  })
  // Rows are left if the file was changed after the survey.
  yield* executeAll
  yield* onProgress(done)
  const imported: Imported = {
    recorded,
    known,
    refused: refused.listed(),
    remarks: remarks.listed()
  }
  return imported
})

const byLine = (a: OrderRow.RefusedRow, b: OrderRow.RefusedRow): number => a.line - b.line

/** The progress of an invoice. */
interface Opened {
  readonly invoice: string
  accepted: number
  /** The rows since the last execution. */
  waiting: Array<OrderRow.OrderRow>
  /** The number of occurrences of each row, until the invoice ends. */
  readonly seen: Map<CommandId, number>
  customerId: string | undefined
}

const openedOf = (opened: Map<string, Opened>, invoice: string): Opened => {
  const known = opened.get(invoice)
  if (known !== undefined) return known
  const fresh: Opened = {
    invoice,
    accepted: 0,
    waiting: [],
    seen: new Map(),
    customerId: undefined
  }
  opened.set(invoice, fresh)
  return fresh
}

interface Step extends Request<OrderCommand> {
  readonly line: number
}

/**
 * Returns the row's command; for the first row of an order after the command that opens it, for the
 * last one before the command that closes it.
 */
const stepsOf = (row: OrderRow.OrderRow, order: Opened, last: number): ReadonlyArray<Step> => {
  const { add, close, create, invoice, line, occurredAt } = row
  const step = (command: OrderCommand, commandId: CommandId): Step => ({
    command,
    commandId,
    occurredAt,
    line
  })
  const steps: Array<Step> = []
  if (order.accepted === 0) {
    order.customerId = create.customerId
    steps.push(step(create, OrderRow.commandId(invoice, "open", create)))
  }
  // A number distinguishes equal rows, so that a row inserted elsewhere does not change other ids.
  const content = OrderRow.commandId(invoice, 1, add, occurredAt)
  const place = (order.seen.get(content) ?? 0) + 1
  order.seen.set(content, place)
  steps.push(step(add, place === 1 ? content : OrderRow.commandId(invoice, place, add, occurredAt)))
  order.accepted += 1
  if (order.accepted === last) {
    steps.push(step(close, OrderRow.commandId(invoice, "close", close)))
    order.seen.clear()
  }
  return steps
}
