/**
 * Turns a record of a file of orders into commands, or refuses it with a reason.
 *
 * @since 0.1.0
 */
import { oneLine, printable } from "@daybook/kernel/Printable"
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Decider from "@daybook/kernel/Decider"
import * as Money from "@daybook/order/Money"
import * as Order from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import { MAX_QUANTITY } from "@daybook/order/Quantity"
import type * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

import { v5 as uuidV5 } from "uuid"
import { type CsvRecord, HEADER } from "./CsvFile.ts"
import * as Output from "./Output.ts"
import * as ShopTime from "./ShopTime.ts"

/**
 * A row that can go into an order.
 *
 * @category types
 * @since 0.1.0
 */
export interface OrderRow {
  readonly line: number
  readonly invoice: string
  readonly occurredAt: DateTime.Utc
  /** Opens the order. */
  readonly create: typeof OrderCommand.cases.CreateOrder.Type
  /** The row itself. */
  readonly add: typeof OrderCommand.cases.AddItem.Type
  /** Comes after the last row of the invoice. */
  readonly close: OrderCommand
}

/**
 * A row that was not added to any order.
 *
 * @category types
 * @since 0.1.0
 */
export interface RefusedRow {
  readonly line: number
  /** Absent when the row does not name an invoice. */
  readonly invoice?: string | undefined
  readonly reason: string
}

const CURRENCY = "GBP"
const HIGHEST_PRICE = Money.format({ currency: CURRENCY, minor: Money.MAX_MINOR })
const GUEST = "guest"
const CREDIT_NOTE = "credit note"

const notEmpty = Schema.Trim.check(Schema.isNonEmpty({ message: "is empty" }))

/** Builds a transformation that only reads: cells are never written. */
const readAs = <A>(read: (text: string) => A) => ({
  decode: SchemaGetter.transform(read),
  encode: SchemaGetter.forbidden<string, A>(() => "rows are not written")
})

const Quantity = Schema.Trim.check(
  Schema.isPattern(/^-?\d+$/, { message: "is not a whole number" })
).pipe(Schema.decodeTo(Schema.Number, readAs(Number)))

/** Moves digits instead of multiplying, so no price passes through a fraction. */
const Pence = Schema.Trim.check(
  Schema.isPattern(/^-?\d+(\.\d{1,2})?$/, { message: "is not pounds with at most two decimals" })
).pipe(
  Schema.decodeTo(
    Schema.Number,
    readAs((text) => {
      const [pounds = "", decimals = ""] = text.split(".")
      return Number(pounds + decimals.padEnd(2, "0"))
    })
  )
)

const LocalTime = Schema.Trim.check(
  Schema.makeFilter((text: string) => Option.isSome(ShopTime.parse(text)), {
    message: "is not a time such as 12/31/2010 8:26"
  })
).pipe(
  Schema.decodeTo(
    Schema.DateTimeUtc,
    readAs((text) => Option.getOrThrow(ShopTime.parse(text)))
  )
)

/**
 * Turns line breaks inside quotes into spaces, since a name is one line. It splits the text: an
 * expression that matches the blanks around a break is quadratic.
 */
const Description = Schema.Trim.pipe(Schema.decodeTo(Schema.String, readAs(oneLine)))

const Cells = Schema.Struct({
  InvoiceNo: notEmpty,
  StockCode: notEmpty,
  Description,
  Quantity,
  InvoiceDate: LocalTime,
  UnitPrice: Pence,
  CustomerID: Schema.Trim,
  Country: Schema.Trim
})

const decodeCells = Schema.decodeUnknownResult(Cells)

/** Maps a field that the domain's schemas refuse to its column, for the message. */
const COLUMN_OF: Record<string, (typeof HEADER)[number]> = {
  productId: "StockCode",
  name: "Description",
  customerId: "CustomerID"
}

const checkCommand = Schema.decodeUnknownResult(Schema.toType(OrderCommand))

/**
 * Reads a record.
 *
 * **Details**
 * Refuses a wrong number of cells, a cell that does not parse, a quantity (its absolute value on a
 * credit note) or a price that is not above zero, and values that every order would reject.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRecord = ({ cells, line }: CsvRecord): Result.Result<OrderRow, RefusedRow> => {
  const invoice = cells.length === HEADER.length ? cells[0]?.trim() : undefined
  const refuse = (reason: string) =>
    Result.fail({ line, reason, ...(invoice ? { invoice } : undefined) })
  if (cells.length !== HEADER.length) {
    return refuse(`it has ${Output.count(cells.length, "column")}, not ${HEADER.length}`)
  }
  const raw = Object.fromEntries(HEADER.map((name, index) => [name, cells[index] ?? ""]))
  const say = (column: string, problem: string) => {
    const cell = raw[column]?.trim() ?? ""
    return refuse(cell === "" ? `${column} is empty` : `${column} ${quoted(cell)} ${problem}`)
  }

  const decoded = decodeCells(raw)
  if (Result.isFailure(decoded)) {
    const { field, message } = firstIssue(decoded.failure)
    return say(field, message)
  }
  const row = decoded.success
  if (Result.isFailure(Aggregate.streamId(Order.aggregate, row.InvoiceNo))) {
    return say("InvoiceNo", "cannot name an order")
  }
  const credit = row.InvoiceNo.startsWith("C")
  const quantity = credit ? Math.abs(row.Quantity) : row.Quantity
  if (!(quantity > 0)) return say("Quantity", "is not above zero")
  if (quantity > MAX_QUANTITY) return say("Quantity", `is above ${Output.number(MAX_QUANTITY)}`)
  if (!(row.UnitPrice > 0)) return say("UnitPrice", "is not above zero")
  if (row.UnitPrice > Money.MAX_MINOR) return say("UnitPrice", `is above ${HIGHEST_PRICE}`)

  const create = {
    _tag: "CreateOrder",
    customerId: row.CustomerID === "" ? GUEST : row.CustomerID,
    currency: CURRENCY
  } as const
  const add = {
    _tag: "AddItem",
    productId: row.StockCode,
    name: row.Description,
    quantity,
    unitPrice: { currency: CURRENCY, minor: row.UnitPrice }
  } as const
  for (const command of [create, add]) {
    const checked = checkCommand(command)
    if (Result.isSuccess(checked)) continue
    const { field, message } = firstIssue(checked.failure)
    return say(COLUMN_OF[field] ?? "InvoiceNo", `is refused: ${message.toLowerCase()}`)
  }
  const alone = Decider.run(Order.aggregate.decider, [create, add])
  if (Result.isFailure(alone)) return refuse(alone.failure.message)
  return Result.succeed({
    line,
    invoice: row.InvoiceNo,
    occurredAt: row.InvoiceDate,
    create,
    add,
    close: credit ? { _tag: "CancelOrder", reason: CREDIT_NOTE } : { _tag: "ConfirmOrder" }
  })
}

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1()

const firstIssue = (error: Schema.SchemaError) => {
  const [issue] = formatIssue(error.issue).issues
  const [field] = issue?.path ?? []
  // The schemas above are flat structs, so a path starts with the name of a field.
  return { message: issue?.message ?? error.message, field: typeof field === "string" ? field : "" }
}

const quoted = (cell: string): string =>
  `"${printable(cell.length > 40 ? `${cell.slice(0, 40)}...` : cell)}"`

const NAMESPACE = "7a0c7a4e-6f0b-5f6e-9b1d-2f6f1c3c1b52"

/**
 * Returns the id of a command of an import. The same file content gives the same ids, so importing
 * it again, or continuing after a crash, records nothing twice.
 *
 * **Details**
 * `place` counts equal rows of an invoice from 1; `open` and `close` are the commands around the
 * rows.
 *
 * @category operations
 * @since 0.1.0
 */
export const commandId = (
  invoice: string,
  place: number | "open" | "close",
  command: OrderCommand,
  occurredAt?: DateTime.Utc
): CommandId.CommandId => {
  const content = [invoice, place, command, occurredAt?.epochMilliseconds ?? null]
  return CommandId.make(uuidV5(JSON.stringify(content), NAMESPACE))
}
