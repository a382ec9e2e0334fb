/**
 * The rules of an order, all of them in {@link decider}.
 *
 * Laws, besides those of every decider:
 *
 * 1. A valid state and valid events lead to a state that fits its schema.
 * 2. The total is the sum of all additions less all removals, exactly.
 * 3. A shipped or cancelled order never changes.
 *
 * @since 0.1.0
 */
import * as Decider from "@daybook/kernel/Decider"
import * as Arr from "effect/Array"
import * as Result from "effect/Result"
import * as Address from "./Address.ts"
import * as OrderLines from "./internal/OrderLines.ts"
import { MAX_MINOR, times } from "./Money.ts"
import { OrderCommand } from "./OrderCommand.ts"
import { OrderEvent } from "./OrderEvent.ts"
import {
  CurrencyMismatch,
  ItemNotInOrder,
  NoItems,
  NoShippingAddress,
  NotEnoughItems,
  OrderAlreadyExists,
  type OrderRejection,
  TotalTooLarge,
  WrongStatus
} from "./OrderRejection.ts"
import { itemCount, OrderState, type OrderStatus, status, total } from "./OrderState.ts"
import { MAX_ITEM_COUNT } from "./Quantity.ts"

type Command<Tag extends OrderCommand["_tag"]> = Extract<OrderCommand, { readonly _tag: Tag }>
type Event<Tag extends OrderEvent["_tag"]> = Extract<OrderEvent, { readonly _tag: Tag }>
type State<Tag extends OrderState["_tag"]> = Extract<OrderState, { readonly _tag: Tag }>
type Open = State<"Draft" | "Confirmed">
type Decision = Result.Result<ReadonlyArray<OrderEvent>, OrderRejection>

const decide = (command: OrderCommand, state: OrderState): Decision =>
  OrderCommand.match(command, {
    CreateOrder: ({ currency, customerId }) =>
      state._tag === "NotCreated"
        ? accept({ _tag: "OrderCreated", customerId, currency })
        : refuse(new OrderAlreadyExists({ status: status(state) })),
    AddItem: (add) => within(DRAFT, add, state, (draft) => addItem(add, draft)),
    RemoveItem: (remove) => within(DRAFT, remove, state, (draft) => removeItem(remove, draft)),
    UpdateShippingAddress: (update) =>
      within(OPEN, update, state, (open) => updateAddress(update, open)),
    ConfirmOrder: (confirm) => within(DRAFT, confirm, state, confirmOrder),
    ShipOrder: (ship) => within(CONFIRMED, ship, state, (confirmed) => shipOrder(ship, confirmed)),
    CancelOrder: (cancel) =>
      within(OPEN, cancel, state, () => accept({ _tag: "OrderCancelled", reason: cancel.reason }))
  })

/** The states in which a command is decided, and their statuses. */
interface Allowed<S extends OrderState> {
  readonly includes: (state: OrderState) => state is S
  readonly statuses: ReadonlyArray<OrderStatus>
}

const isOpen = OrderState.isAnyOf(["Draft", "Confirmed"])

const DRAFT: Allowed<State<"Draft">> = {
  includes: OrderState.isAnyOf(["Draft"]),
  statuses: ["draft"]
}
const CONFIRMED: Allowed<State<"Confirmed">> = {
  includes: OrderState.isAnyOf(["Confirmed"]),
  statuses: ["confirmed"]
}
const OPEN: Allowed<Open> = { includes: isOpen, statuses: ["draft", "confirmed"] }

const within = <S extends OrderState>(
  { includes, statuses }: Allowed<S>,
  { _tag: command }: Exclude<OrderCommand, Command<"CreateOrder">>,
  state: OrderState,
  decideIn: (state: S) => Decision
): Decision =>
  includes(state)
    ? decideIn(state)
    : refuse(new WrongStatus({ command, status: status(state), allowed: statuses }))

const addItem = (
  { name, productId, quantity, unitPrice }: Command<"AddItem">,
  draft: State<"Draft">
): Decision => {
  if (unitPrice.currency !== draft.currency) {
    return refuse(new CurrencyMismatch({ expected: draft.currency, actual: unitPrice.currency }))
  }
  const price = total(draft) + times(unitPrice.minor, quantity)
  if (price > MAX_MINOR) {
    return refuse(new TotalTooLarge({ of: "price", total: price.toString(), limit: MAX_MINOR }))
  }
  // The limit above passes any number of items that cost nothing.
  const items = BigInt(itemCount(draft)) + BigInt(quantity)
  if (items > MAX_ITEM_COUNT) {
    return refuse(
      new TotalTooLarge({ of: "items", total: items.toString(), limit: MAX_ITEM_COUNT })
    )
  }
  return accept({ _tag: "ItemAdded", productId, name, quantity, unitPrice })
}

const removeItem = (
  { productId, quantity, reason }: Command<"RemoveItem">,
  draft: State<"Draft">
): Decision => {
  const found = OrderLines.ofProduct(draft.lines, productId)
  if (found.length === 0) return refuse(new ItemNotInOrder({ productId }))
  const available = found.reduce((sum, line) => sum + line.quantity, 0)
  const requested = quantity ?? available
  if (requested > available) {
    return refuse(new NotEnoughItems({ productId, requested, available }))
  }
  const events: Array<OrderEvent> = []
  let left = requested
  for (const line of found.toReversed()) {
    if (left === 0) break
    const taken = Math.min(left, line.quantity)
    left -= taken
    events.push({
      _tag: "ItemRemoved",
      productId,
      name: line.name,
      quantity: taken,
      unitPrice: { currency: draft.currency, minor: line.unitPriceMinor },
      reason
    })
  }
  return Result.succeed(events)
}

const updateAddress = (
  { address }: Command<"UpdateShippingAddress">,
  { address: current }: Open
): Decision =>
  current !== undefined && Address.equivalence(current, address)
    ? Result.succeed([])
    : accept({ _tag: "ShippingAddressUpdated", address })

const confirmOrder = ({ lines }: State<"Draft">): Decision =>
  lines.length === 0 ? refuse(new NoItems()) : accept({ _tag: "OrderConfirmed" })

const shipOrder = (
  { carrier, tracking }: Command<"ShipOrder">,
  { address, lines }: State<"Confirmed">
): Decision => {
  if (lines.length === 0) return refuse(new NoItems())
  if (address === undefined) return refuse(new NoShippingAddress())
  return accept({ _tag: "OrderShipped", carrier, tracking })
}

const accept = (event: OrderEvent): Decision => Result.succeed([event])

const refuse = (rejection: OrderRejection): Decision => Result.fail(rejection)

/**
 * Folds an event; one that has no meaning in a state leaves it unchanged, since a log is never
 * judged. Item changes after confirmation count too. No command makes them today, but the shop's
 * past did.
 */
const evolve = (state: OrderState, event: OrderEvent): OrderState =>
  OrderEvent.match(event, {
    OrderCreated: ({ currency, customerId }): OrderState =>
      state._tag === "NotCreated" ? { _tag: "Draft", customerId, currency, lines: [] } : state,
    ItemAdded: (added): OrderState => (isOpen(state) ? withAdded(state, added) : state),
    ItemRemoved: (removed): OrderState => (isOpen(state) ? withoutRemoved(state, removed) : state),
    ProductRemoved: ({ productId }): OrderState =>
      isOpen(state) ? withoutProduct(state, productId) : state,
    ShippingAddressUpdated: ({ address }): OrderState =>
      isOpen(state) ? { ...state, address } : state,
    OrderConfirmed: (): OrderState =>
      state._tag === "Draft" ? { ...state, _tag: "Confirmed" } : state,
    OrderShipped: ({ carrier, tracking }): OrderState =>
      state._tag === "Confirmed" &&
      state.address !== undefined &&
      Arr.isReadonlyArrayNonEmpty(state.lines)
        ? {
            ...state,
            _tag: "Shipped",
            lines: state.lines,
            address: state.address,
            carrier,
            tracking
          }
        : state,
    OrderCancelled: ({ reason }): OrderState =>
      isOpen(state) ? { ...state, _tag: "Cancelled", reason } : state
  })

const withAdded = (open: Open, added: Event<"ItemAdded">): Open => {
  const { name, productId, quantity, unitPrice } = added
  // A number could not count the items of the next state exactly.
  const countless = quantity > MAX_ITEM_COUNT - itemCount(open)
  if (unitPrice.currency !== open.currency || countless) return open
  const unitPriceMinor = unitPrice.minor
  const before = OrderLines.find(open.lines, productId, unitPriceMinor)
  const line = { productId, name, quantity: quantity + (before?.quantity ?? 0), unitPriceMinor }
  return { ...open, lines: OrderLines.putLast(open.lines, before, line) }
}

const withoutRemoved = (open: Open, removed: Event<"ItemRemoved">): Open => {
  const { productId, quantity, unitPrice } = removed
  if (unitPrice.currency !== open.currency) return open
  const before = OrderLines.find(open.lines, productId, unitPrice.minor)
  if (before === undefined) return open
  const left = before.quantity - quantity
  const line = left > 0 ? { ...before, quantity: left } : undefined
  return { ...open, lines: OrderLines.replace(open.lines, before, line) }
}

/** Removes every line of the product, since the event was recorded without prices. */
const withoutProduct = (open: Open, productId: string): Open => {
  let { lines } = open
  for (const line of OrderLines.ofProduct(lines, productId)) {
    lines = OrderLines.replace(lines, line, undefined)
  }
  return { ...open, lines }
}

/**
 * The decider of an order; it starts from `NotCreated`.
 *
 * @category deciders
 * @since 0.1.0
 */
export const decider: Decider.Decider<OrderCommand, OrderState, OrderEvent, OrderRejection> =
  Decider.make({ initialState: { _tag: "NotCreated" }, decide, evolve })
