/**
 * The requests of the day, with clerk, time and order. Their outcomes are not written here: the
 * orders decide.
 *
 * @since 0.1.0
 */
import type { OrderCommand } from "@daybook/order/OrderCommand"

/**
 * The orders of the day, named after their customers.
 *
 * @category types
 * @since 0.1.0
 */
export type OrderName = "ada" | "grace" | "alan"

type Clerk = "Priya" | "Tom"

/**
 * A request of one clerk.
 *
 * @category types
 * @since 0.1.0
 */
export interface Request {
  readonly clerk: Clerk
  readonly command: OrderCommand
}

/**
 * A moment of the day: a request, or two concurrent requests on the same order.
 *
 * @category types
 * @since 0.1.0
 */
export interface Scene {
  readonly time: string
  readonly order: OrderName
  readonly requests: readonly [Request] | readonly [Request, Request]
}

/**
 * The moment that an evening question asks about.
 *
 * @category constants
 * @since 0.1.0
 */
export const ASKED_TIME = "15:00"

const by = (clerk: Clerk, command: OrderCommand): Request => ({ clerk, command })

const add = (productId: string, name: string, quantity: number, pence: number, currency = "GBP") =>
  ({
    _tag: "AddItem",
    productId,
    name,
    quantity,
    unitPrice: { currency, minor: pence }
  }) as const

const open = (customerId: OrderName) =>
  ({ _tag: "CreateOrder", customerId, currency: "GBP" }) as const

const remove = (productId: string, reason: string, quantity?: number) =>
  ({
    _tag: "RemoveItem",
    productId,
    reason,
    ...(quantity === undefined ? undefined : { quantity })
  }) as const

const send = (recipient: string, line1: string, city: string, postalCode: string) =>
  ({
    _tag: "UpdateShippingAddress",
    address: { recipient, line1, city, postalCode, country: "GB" }
  }) as const

const confirm = { _tag: "ConfirmOrder" } as const

const toAda = send("Ada Lovelace", "12 St James's Square", "London", "SW1Y 4JH")
const toAdasOffice = send("Ada Lovelace", "1 Dorset Street", "London", "W1U 4EG")
const toGrace = send("Grace Hopper", "3 Park Row", "Leeds", "LS1 5HN")
const toGracesSister = send("Grace Hopper", "c/o Mary, 8 Coney Street", "York", "YO1 9ND")

const alone = (time: string, order: OrderName, clerk: Clerk, command: OrderCommand): Scene => ({
  time,
  order,
  requests: [by(clerk, command)]
})

/**
 * The scenes in the order of their times.
 *
 * @category constants
 * @since 0.1.0
 */
export const SCENES: ReadonlyArray<Scene> = [
  alone("08:55", "ada", "Priya", open("ada")),
  alone("08:57", "ada", "Priya", add("lantern", "White metal lantern", 4, 339)),
  alone("08:58", "ada", "Priya", add("t-light", "Hanging heart T-light holder", 6, 255)),
  alone("09:03", "ada", "Priya", toAda),
  alone("09:40", "grace", "Tom", open("grace")),
  alone("09:41", "grace", "Tom", confirm),
  alone("09:44", "grace", "Tom", add("clock", "Alarm clock, bakelite red", 2, 375)),
  alone("09:45", "grace", "Tom", add("mug", "Café mug from Paris", 1, 450, "EUR")),
  alone("10:10", "grace", "Tom", toGrace),
  alone("11:20", "grace", "Priya", remove("clock", "too many bedrooms", 5)),
  alone("12:05", "ada", "Tom", add("lantern", "White metal lantern", 2, 299)),
  {
    time: "13:30",
    order: "ada",
    requests: [
      by("Priya", remove("lantern", "one arrived cracked", 1)),
      by("Tom", add("gift-wrap", "Gift wrap, robins", 1, 125))
    ]
  },
  alone("14:10", "alan", "Tom", open("alan")),
  alone("14:12", "alan", "Tom", add("chess", "Travelling chess set", 1, 1_295)),
  alone("14:20", "grace", "Priya", toGracesSister),
  alone("14:21", "grace", "Priya", toGracesSister),
  alone("15:20", "ada", "Priya", remove("t-light", "out of stock until spring")),
  alone("15:40", "ada", "Priya", toAdasOffice),
  alone("15:55", "ada", "Tom", confirm),
  alone("16:05", "ada", "Tom", add("candle", "Vanilla candle", 3, 185)),
  alone("16:10", "grace", "Tom", confirm),
  alone("16:20", "alan", "Tom", confirm),
  alone("16:30", "alan", "Priya", { _tag: "ShipOrder", carrier: "Royal Mail", tracking: "RM 17" }),
  alone("16:35", "alan", "Priya", { _tag: "CancelOrder", reason: "found one in the attic" }),
  alone("16:45", "ada", "Priya", { _tag: "ShipOrder", carrier: "Royal Mail", tracking: "RM 18" }),
  alone("16:50", "ada", "Tom", { _tag: "CancelOrder", reason: "changed her mind" }),
  alone("17:20", "grace", "Priya", toGrace),
  alone("17:30", "grace", "Tom", { _tag: "ShipOrder", carrier: "Royal Mail", tracking: "RM 19" })
]
