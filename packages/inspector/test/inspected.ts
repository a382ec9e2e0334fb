/**
 * An inspector over the orders of a shop, served in the process: requests go through a router and
 * its middleware, and no socket.
 */
import * as Host from "@daybook/http/Host"
import * as Presenter from "@daybook/inspector/Presenter"
import * as Inspector from "@daybook/inspector/Inspector"
import { InspectorApi } from "@daybook/inspector/InspectorApi"
import * as EventId from "@daybook/kernel/EventId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import * as Position from "@daybook/kernel/Position"
import * as StreamId from "@daybook/kernel/StreamId"
import { aggregate } from "@daybook/order/Order"
import { OrderCommand } from "@daybook/order/OrderCommand"
import * as OrderState from "@daybook/order/OrderState"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import { Projections } from "@daybook/projections/Projections"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { EventStore } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"

export const ORIGIN = "http://localhost"

const presented = Presenter.make(aggregate, {
  describe: (event) =>
    event._tag === "ItemAdded" ? `${event.quantity} of ${event.productId}` : event._tag,
  figure: { head: "Items", of: (state) => String(OrderState.itemCount(state)) },
  lists: { lines: ["productId", "unitPriceMinor"] }
})

export const projections = [OrderSummary.projection, ProductDemand.projection]

export const options: Inspector.Options = { title: "Shop", aggregates: [presented], projections }

/** The services of a host, on a log and read models in memory. */
export const memory = CommandHandler.layer.pipe(
  Layer.provideMerge(Projections.layer({ async: projections })),
  Layer.provideMerge(Layer.merge(EventStoreMemory.layer, ReadModelStoreMemory.layer))
)

export type Services = CommandHandler | EventStore | Projections | ReadModelStore

/** Serves routes on services, beside the rest of a host. */
export const serve = Effect.fnUntraced(function* <E>(
  routes: Layer.Layer<
    never,
    E,
    Services | HttpRouter.HttpRouter | Layer.Success<typeof HttpServer.layerServices>
  >,
  services: Layer.Layer<Services>
) {
  const { dispose, handler } = HttpRouter.toWebHandler(
    Layer.merge(routes, Host.layer(HttpApi.make("host"), [])).pipe(
      Layer.provide(services),
      Layer.provide(HttpServer.layerServices)
    ),
    { disableLogger: true, routerConfig: Host.routerConfig }
  )
  yield* Effect.addFinalizer(() => Effect.promise(dispose))
  const send = (path: string, init?: RequestInit) =>
    Effect.promise(async () => {
      const answer = await handler(new Request(`${ORIGIN}${path}`, init))
      return {
        status: answer.status,
        headers: answer.headers,
        bytes: new Uint8Array(await answer.arrayBuffer())
      }
    })
  const http = FetchHttpClient.layer.pipe(
    Layer.provide(
      Layer.succeed(FetchHttpClient.Fetch, (input, init) => handler(new Request(input, init)))
    )
  )
  const client = yield* HttpApiClient.make(InspectorApi, {
    baseUrl: `${ORIGIN}/inspector`
  }).pipe(Effect.provide(http))
  return { client, send, http }
})

/** An inspector that asks for no credential, with the services beside it. */
export const inspected = (
  services: Layer.Layer<Services, unknown> = memory,
  changes: Partial<Inspector.Options> = {}
) =>
  Effect.gen(function* () {
    const built = Layer.succeedContext(yield* Effect.orDie(Layer.build(services)))
    const served = yield* serve(Inspector.layerUnprotected({ ...options, ...changes }), built)
    const inside = <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.provide(effect, built)
    return { ...served, inside }
  })

let drawn = 0

interface Seen {
  readonly count: number
  readonly metadata?: EventMetadata
  readonly text?: string
  /** The number of events of an append. */
  readonly at?: number
}

/** Appends events that no aggregate knows to the stream `order-ID`; returns their positions. */
export const seen = Effect.fnUntraced(function* (
  id: string,
  { at = 1_000, count, metadata = {}, text = "" }: Seen
) {
  const store = yield* EventStore
  const positions: Array<Position.Position> = []
  for (let left = count; left > 0; left -= at) {
    const events = Arr.makeBy(Math.min(at, left), () => ({
      id: EventId.make(`0f2b6a44-8d7e-4a52-9b39-${String(drawn++).padStart(12, "0")}`),
      type: "Seen",
      schemaVersion: 1,
      data: { text },
      metadata,
      occurredAt: DateTime.makeUnsafe(0)
    }))
    const { position } = yield* store.append({
      streamId: StreamId.StreamId.make(`order-${id}`),
      expected: ExpectedRevision.any,
      events
    })
    // The positions of one append have no gap.
    positions.push(
      ...events.map((_, place) => Position.make(position - BigInt(events.length - 1 - place)))
    )
  }
  return positions
})

const { AddItem, ConfirmOrder, CreateOrder, RemoveItem } = OrderCommand.cases

const price = (minor: number) => ({ currency: "GBP", minor }) as const

/** Opens an order of five events: 4 lanterns, 6 t-lights, one lantern back, and its confirmation. */
export const placeOrder = (id: string) =>
  CommandHandler.use((handler) =>
    Effect.forEach(
      [
        CreateOrder.make({ customerId: "ada", currency: "GBP" }),
        AddItem.make({ productId: "lantern", name: "Lantern", quantity: 4, unitPrice: price(339) }),
        AddItem.make({ productId: "t-light", name: "T-light", quantity: 6, unitPrice: price(255) }),
        RemoveItem.make({ productId: "lantern", quantity: 1, reason: "cracked" }),
        ConfirmOrder.make({})
      ],
      (command) => handler.execute(aggregate, id, command)
    )
  )

/** Waits until a read model has all events, and lets its runner work. */
export const upToDate = (name: string) =>
  Projections.use((runner) =>
    Effect.promise(() => new Promise(setImmediate)).pipe(
      Effect.andThen(runner.status(name)),
      Effect.repeat({ until: ({ position, head }) => position === head })
    )
  )
