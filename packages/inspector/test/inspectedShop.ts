/** A shop in memory with its inspector, on a port that is free: what the browser tests look at. */
import { Actor, Authentication, Authenticator, type Caller } from "@daybook/http/Authenticator"
import * as NodeHost from "@daybook/http/NodeHost"
import * as Inspector from "@daybook/inspector/Inspector"
import * as Presenter from "@daybook/inspector/Presenter"
import * as Projection from "@daybook/kernel/Projection"
import * as Revision from "@daybook/kernel/Revision"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import * as Money from "@daybook/order/Money"
import { aggregate } from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import { OrderEvent } from "@daybook/order/OrderEvent"
import * as OrderState from "@daybook/order/OrderState"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as OnDemandProjection from "@daybook/projections/OnDemandProjection"
import { Projections } from "@daybook/projections/Projections"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as ConsumerGroupsMemory from "@daybook/reactors/ConsumerGroupsMemory"
import * as Reactor from "@daybook/reactors/Reactor"
import { Reactors } from "@daybook/reactors/Reactors"
import { CommandHandler, CurrentMetadata } from "@daybook/store/CommandHandler"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import { HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

/** The name of a customer whose orders stop the read model {@link fragile}. */
export const POISON = "poison"

/** Counts orders by customer, and throws where the customer is {@link POISON}. */
const fragile = Projection.define({
  name: "fragile_counts",
  version: 1,
  from: [aggregate],
  row: Schema.Struct({ customerId: Schema.String, orders: Schema.Int }),
  primaryKey: ["customerId"]
}).fold({
  keys: (event) => (event._tag === "OrderCreated" ? [{ customerId: event.customerId }] : []),
  initial: () => undefined,
  apply: (row, _, { key }) => {
    if (key.customerId === POISON) throw new TypeError("cannot count the orders of poison")
    return { ...key, orders: (row?.orders ?? 0) + 1 }
  }
})

/** A carrier that no parcel can be handed to. */
export const NO_CARRIER = "no carrier"

/** Hands parcels over, and can't where the carrier is {@link NO_CARRIER}. */
const parcels = Reactor.make({
  name: "parcels",
  sources: [aggregate],
  retry: Schedule.recurs(1),
  onFailure: "park",
  react: (event) =>
    event._tag === "OrderShipped" && event.carrier === NO_CARRIER
      ? Effect.fail(new Error("no carrier takes the parcel"))
      : Effect.void
})

const projections = [
  OrderSummary.projection,
  CustomerOrders.projection,
  ProductDemand.projection,
  fragile
]

const presented = Presenter.make(aggregate, {
  describe: OrderEvent.match({
    OrderCreated: ({ currency, customerId }) => `opened for ${customerId}, in ${currency}`,
    ItemAdded: ({ name, quantity, unitPrice }) =>
      `${quantity} × ${name} at ${Money.format(unitPrice)}`,
    ItemRemoved: ({ name, quantity, reason }) => `${quantity} × ${name}: ${reason}`,
    ProductRemoved: ({ productId }) => `all of ${productId}`,
    ShippingAddressUpdated: ({ address }) =>
      `to ${address.recipient}, ${address.line1}, ${address.city}`,
    OrderConfirmed: () => "confirmed",
    OrderShipped: ({ carrier, tracking }) => `with ${carrier}, ${tracking}`,
    OrderCancelled: ({ reason }) => reason
  }),
  figure: {
    head: "Order after",
    of: (state) =>
      state._tag === "NotCreated"
        ? ""
        : Money.format({ currency: state.currency, minor: OrderState.total(state) })
  },
  lists: { lines: ["productId", "unitPriceMinor"] }
})

/** The tokens of a shop that asks for one, and what each permits. */
const callers: Readonly<Record<string, Caller>> = {
  "token-of-Ines": { actor: Actor.make("Ines"), permissions: new Set(["inspect"]) },
  "token-of-Priya": {
    actor: Actor.make("Priya"),
    permissions: new Set(["inspect", "log", "read", "operate"])
  }
}

const authenticated = Authentication.layer.pipe(
  Layer.provide(
    Layer.succeed(Authenticator, {
      authenticate: ({ secret }) =>
        Effect.succeed(Option.fromUndefinedOr(callers[Redacted.value(secret)]))
    })
  )
)

const inspected = { title: "shop", aggregates: [presented], projections }

const host = (port: number, asksForToken: boolean) =>
  NodeHost.layer(HttpApi.make("shop"), [], {
    port,
    routes: asksForToken
      ? Layer.provide(Inspector.layer(inspected), authenticated)
      : Inspector.layerUnprotected(inspected)
  }).pipe(
    Layer.provideMerge(
      CommandHandler.layer.pipe(
        Layer.provideMerge(
          Layer.merge(Projections.layer({ async: projections }), Reactors.layer([parcels]))
        ),
        Layer.provideMerge(ConsumerGroupsMemory.layer),
        Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
      )
    )
  )

/** A request of a clerk at a time. */
export interface Request {
  readonly at: string
  readonly by: string
  readonly command: OrderCommand
}

const add = (productId: string, name: string, quantity: number, minor: number): OrderCommand => ({
  _tag: "AddItem",
  productId,
  name,
  quantity,
  unitPrice: { currency: "GBP", minor }
})

const sendTo = (line1: string, postalCode: string): OrderCommand => ({
  _tag: "UpdateShippingAddress",
  address: { recipient: "Ada Lovelace", line1, city: "London", postalCode, country: "GB" }
})

/** The order of Ada: eleven events between a morning and an afternoon. */
export const ada: ReadonlyArray<Request> = (
  [
    ["08:55:04", "Priya", { _tag: "CreateOrder", customerId: "ada", currency: "GBP" }],
    ["08:57:31", "Priya", add("lantern", "White metal lantern", 4, 339)],
    ["08:58:12", "Priya", add("t-light", "Hanging heart T-light holder", 6, 255)],
    ["09:03:40", "Priya", sendTo("12 St James's Square", "SW1Y 4JH")],
    ["12:05:09", "Tom", add("lantern", "White metal lantern", 2, 299)],
    ["13:30:22", "Tom", add("gift-wrap", "Gift wrap, robins", 1, 125)],
    ["13:30:23", "Priya", removeItem("lantern", "one arrived cracked", 1)],
    ["15:20:15", "Priya", removeItem("t-light", "out of stock until spring", 6)],
    ["15:40:02", "Priya", sendTo("1 Dorset Street", "W1U 4EG")],
    ["15:55:47", "Tom", { _tag: "ConfirmOrder" }],
    ["16:45:30", "Priya", { _tag: "ShipOrder", carrier: "Royal Mail", tracking: "RM 18" }]
  ] as const
).map(([time, by, command]) => ({ at: `2026-11-26T${time}Z`, by, command }))

function removeItem(productId: string, reason: string, quantity: number): OrderCommand {
  return { _tag: "RemoveItem", productId, reason, quantity }
}

/** Text that a page must show as text. */
export const SCRIPT = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`

const products = [
  ["lantern", "White metal lantern", 339],
  ["t-light", "Hanging heart T-light holder", 255],
  ["clock", "Alarm clock bakelike red", 375],
  ["mug", "Café mug from Paris", 450],
  ["chess", "Travelling chess set", 1295]
] as const

const names = ["felix", "grace", "elsa", "otto", "emil", "theo", "jonas", "rosa", "irma", "hugo"]

/** Orders beside Ada's, a few events each. */
const others = (count: number): ReadonlyArray<readonly [string, ReadonlyArray<Request>]> =>
  Array.from({ length: count }, (_, index) => {
    const name = names[index % names.length] ?? ""
    const minute = 7 * index
    const at = (step: number) => new Date(Date.UTC(2026, 10, 24, 8, minute + step)).toISOString()
    const by = ["Priya", "Tom", "web"][index % 3] ?? ""
    const steps: Array<OrderCommand> = [
      { _tag: "CreateOrder", customerId: name, currency: "GBP" },
      ...products
        .slice(0, 1 + (index % 4))
        .map(([id, title, minor], place) => add(id, title, 1 + ((index + place) % 9), minor)),
      ...(index % 2 === 0 ? [{ _tag: "ConfirmOrder" } as const] : [])
    ]
    return [
      `${name}-${1000 + index}`,
      steps.map((command, step) => ({ at: at(step), by, command }))
    ]
  })

/** A clock that is ahead of another one by so many milliseconds. */
const aheadOf = (clock: Clock.Clock, millis: number): Clock.Clock => {
  const nanos = BigInt(millis) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + millis,
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + millis),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + nanos,
    currentTimeNanos: Effect.map(clock.currentTimeNanos, (now) => now + nanos),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}

/** Starts a shop. Close it with `dispose`. */
export const start = async ({ asksForToken = false, orders = 40, port = 0 } = {}) => {
  const runtime = ManagedRuntime.make(host(port, asksForToken))
  /** Executes commands on an order, each by its clerk. */
  const executing = (id: string, requests: ReadonlyArray<Request>) =>
    Effect.flatMap(CommandHandler, (handler) =>
      Effect.forEach(
        requests,
        ({ at, by, command }) =>
          handler
            .execute(aggregate, id, command, { occurredAt: DateTime.makeUnsafe(at) })
            .pipe(Effect.provideService(CurrentMetadata, { actor: by })),
        { discard: true }
      )
    )
  const execute = (id: string, requests: ReadonlyArray<Request>) =>
    runtime.runPromise(executing(id, requests))
  /** Executes commands by a clock that is ahead by so many milliseconds. */
  const executeAhead = (millis: number, id: string, requests: ReadonlyArray<Request>) =>
    runtime.runPromise(
      Effect.clockWith((clock) =>
        Effect.provideService(executing(id, requests), Clock.Clock, aheadOf(clock, millis))
      )
    )
  /** Executes commands on an order in one append. */
  const executeAll = (id: string, requests: ReadonlyArray<Request>) =>
    runtime.runPromise(
      Effect.flatMap(CommandHandler, (handler) =>
        handler.executeAll(
          aggregate,
          id,
          requests.map(({ at, command }) => ({ command, occurredAt: DateTime.makeUnsafe(at) }))
        )
      )
    )
  /** Opens an order for each id. */
  const createAll = (ids: ReadonlyArray<string>) =>
    runtime.runPromise(
      Effect.flatMap(CommandHandler, (handler) =>
        Effect.forEach(
          ids,
          (id) =>
            handler.execute(aggregate, id, {
              _tag: "CreateOrder",
              customerId: "felix",
              currency: "GBP"
            }),
          { discard: true, concurrency: 64 }
        )
      )
    )
  for (const [id, requests] of others(orders)) await execute(id, requests)
  await execute("ada-wpdh", ada)
  const { address } = await runtime.runPromise(HttpServer)
  return {
    url: `http://127.0.0.1:${"port" in address ? address.port : ""}/inspector`,
    execute,
    executeAhead,
    executeAll,
    createAll,
    /** Returns the state of an order at a revision. */
    stateAt: (id: string, revision: number) =>
      runtime.runPromise(
        Effect.flatMap(CommandHandler, (handler) =>
          handler.loadAt(aggregate, id, { revision: Revision.make(revision) })
        )
      ),
    /** Returns the row of an order as its projection folds it now. */
    rowOf: (orderId: string) =>
      runtime.runPromise(OnDemandProjection.rowAt(OrderSummary.projection, { orderId })),
    dispose: () => runtime.dispose()
  }
}
