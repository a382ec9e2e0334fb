/**
 * The five read models of orders under commands of fast-check: requests of clients, and events of
 * the hosts. Their rows are compared with rows that are recomputed from the accepted commands, by
 * code that shares nothing with the projections.
 */
import { aggregate } from "@daybook/order/Order"
import * as AddressChanges from "@daybook/order/AddressChanges"
import * as CustomerOrders from "@daybook/order/CustomerOrders"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import * as OrderSummary from "@daybook/order/OrderSummary"
import * as ProductDemand from "@daybook/order/ProductDemand"
import * as RemovedItems from "@daybook/order/RemovedItems"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { EventStore } from "@daybook/store/EventStore"
import * as ProjectionLaws from "@daybook/testing/laws/ProjectionLaws"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import type * as Projection from "@daybook/kernel/Projection"
import fc from "fast-check"
import { rows } from "../../order/test/orderModels.ts"

type Move = ProjectionLaws.Move<OrderCommand>

export const projections: ReadonlyArray<Projection.Any> = [
  OrderSummary.projection,
  CustomerOrders.projection,
  ProductDemand.projection,
  AddressChanges.projection,
  RemovedItems.projection
]

/** The model of the orders in fast-check, enough to generate commands that may be accepted. */
interface Model {
  readonly created: Set<number>
}

interface Real {
  readonly world: ProjectionLaws.World<OrderCommand>
  readonly run: (effect: Effect.Effect<void, unknown>) => Promise<void>
}

class Play implements fc.AsyncCommand<Model, Real> {
  readonly move: Move
  constructor(move: Move) {
    this.move = move
  }
  /** Allows commands for an order only after it was created; a creation may occur again. */
  check({ created }: Readonly<Model>): boolean {
    const { move } = this
    if (move._tag !== "Execute") return true
    const creates = move.commands.some(({ _tag }) => _tag === "CreateOrder")
    return creates || created.has(move.instance)
  }
  async run({ created }: Model, { run, world }: Real): Promise<void> {
    const { move } = this
    if (move._tag === "Execute") created.add(move.instance)
    await run(world.play(move))
  }
  toString(): string {
    return JSON.stringify(this.move)
  }
}

class Check implements fc.AsyncCommand<Model, Real> {
  check(): boolean {
    return true
  }
  run(_: Model, { run, world }: Real): Promise<void> {
    return run(world.check)
  }
  toString(): string {
    return "check"
  }
}

const product = fc.constantFrom("tea", "mug")
const quantity = fc.constantFrom(1, 2, 3, 7)
const money = fc.constantFrom(
  { currency: "GBP", minor: 0 },
  { currency: "GBP", minor: 250 },
  { currency: "GBP", minor: 333 },
  { currency: "EUR", minor: 100 }
)
const address = fc.constantFrom("1 High Street", "2 High Street").map((line1) => ({
  recipient: "Ada",
  line1,
  city: "London",
  postalCode: "N1",
  country: "GB"
}))

const create = fc.constantFrom("ada", "bob").map((customerId): OrderCommand => ({
  _tag: "CreateOrder",
  customerId,
  currency: "GBP"
}))
const add = fc
  .record({ productId: product, quantity, unitPrice: money })
  .map((item): OrderCommand => ({
    _tag: "AddItem",
    name: item.productId,
    ...item
  }))
const remove = fc
  .record({ productId: product, quantity: fc.option(quantity) })
  .map(({ productId, quantity }): OrderCommand => ({
    _tag: "RemoveItem",
    productId,
    reason: "cracked",
    ...(quantity === null ? {} : { quantity })
  }))
const other = fc.oneof(
  address.map((to): OrderCommand => ({ _tag: "UpdateShippingAddress", address: to })),
  fc.constantFrom<OrderCommand>(
    { _tag: "ConfirmOrder" },
    { _tag: "ShipOrder", carrier: "post", tracking: "P1" },
    { _tag: "CancelOrder", reason: "changed my mind" }
  )
)

const instance = fc.constantFrom(0, 0, 1, 2)

const kinds: Array<fc.Arbitrary<fc.AsyncCommand<Model, Real>>> = [
  fc
    .record({ instance, command: create })
    .map(({ command, instance }) => new Play({ _tag: "Execute", instance, commands: [command] })),
  ...[add, add, remove, other].map((command) =>
    fc
      .record({ instance, commands: fc.array(command, { minLength: 1, maxLength: 3 }) })
      .map((asked) => new Play({ _tag: "Execute", ...asked }))
  ),
  fc
    .constantFrom<Move>(
      { _tag: "CatchUp" },
      { _tag: "Replace" },
      { _tag: "Rebuild" },
      { _tag: "Pages", events: 1 },
      { _tag: "Pages", events: 3 },
      { _tag: "Crash", when: "before", steps: 0 },
      { _tag: "Crash", when: "after", steps: 0 },
      { _tag: "Crash", when: "after", steps: 2 }
    )
    .map((move) => new Play(move)),
  fc.constant(new Check())
]

const commands = fc.commands(kinds, { maxCommands: 25, size: "medium" })

/** Creates two of the three orders: commands for an order that does not exist are skipped. */
const opening: ReadonlyArray<Move> = [
  {
    _tag: "Execute",
    instance: 0,
    commands: [{ _tag: "CreateOrder", customerId: "ada", currency: "GBP" }]
  },
  {
    _tag: "Execute",
    instance: 1,
    commands: [{ _tag: "CreateOrder", customerId: "bob", currency: "GBP" }]
  }
]

/** Runs generated commands on new stores each time; a failure names its seed and replay path. */
export const assertKept = <E>(
  newStores: () => Layer.Layer<EventStore | ReadModelStore, E>,
  options: {
    readonly runs: number
    readonly lease: Duration.Input
    readonly projections?: ReadonlyArray<Projection.Any>
  }
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(commands, async (asked) => {
      const runtime = ManagedRuntime.make(Layer.fresh(newStores()))
      const scope = Scope.makeUnsafe()
      try {
        const world = await runtime.runPromise(
          Scope.provide(
            ProjectionLaws.begin({
              aggregate,
              projections: options.projections ?? projections,
              model: rows,
              lease: options.lease
            }),
            scope
          )
        )
        const real: Real = { world, run: (effect) => runtime.runPromise(effect) }
        for (const move of opening) await real.run(world.play(move))
        await fc.asyncModelRun(() => ({ model: { created: new Set([0, 1]) }, real }), asked)
        await real.run(world.check)
      } finally {
        await runtime.runPromise(Scope.close(scope, Exit.void))
        await runtime.dispose()
      }
    }),
    { numRuns: options.runs }
  )
