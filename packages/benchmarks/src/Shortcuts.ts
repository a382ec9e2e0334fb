/**
 * What snapshots and cached states save: an order with them beside one that needs none, and beside the
 * same without.
 */
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Contender, Open, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"
import * as Subject from "./Subject.ts"

/** Loads an order whose length is its own. */
export interface Loader extends Contender {
  /** Makes the order unless it is there, and gives how to load it. */
  readonly begin: Effect.Effect<Effect.Effect<number>>
}

type Stores = ReadonlyArray<readonly [name: string, stores: Subject.Stores]>

export const EVENTS = 10_000
const DISTANCE = 100

/** An order of 10,000 events, as far from its snapshot as it gets, beside an order of 100. */
export const loads = (stores: Stores): Opens<Loader> =>
  stores.flatMap(([name, open]) => {
    const short = `${name}, 100 events`
    const long = `${name}, 10,000 events, a snapshot every 100`
    const openShort: Open<Loader> = Effect.gen(function* () {
      const subject = yield* Subject.open(short, yield* open)
      const id = `short-${name}`
      const make = Effect.suspend(() => subject.append(id, Orders.history(DISTANCE)))
      return { name: short, begin: loading(subject, { id, events: DISTANCE, make }) }
    })
    const openLong: Open<Loader> = Effect.gen(function* () {
      const opened = yield* open
      const policy = SnapshotPolicy.every(DISTANCE)
      const subject = yield* Subject.open(long, opened, CommandHandler.layerSnapshots(policy))
      const id = `long-${name}`
      const make = Effect.gen(function* () {
        const append = (count: number) =>
          Effect.suspend(() => subject.append(id, Orders.additions(count)))
        yield* subject.append(id, Orders.history(1))
        yield* Effect.replicateEffect(append(DISTANCE), EVENTS / DISTANCE - 2, { discard: true })
        yield* append(DISTANCE - 1)
        // A handler that is closed has saved its snapshot, here at the revision 9,901.
        yield* Effect.scoped(
          Effect.flatMap(
            Subject.open(long, opened, CommandHandler.layerSnapshots(policy)),
            (handled) => handled.execute(id, 0)
          )
        )
        yield* append(DISTANCE - 1)
      })
      return { name: long, yardstick: short, begin: loading(subject, { id, events: EVENTS, make }) }
    })
    return [
      [short, openShort],
      [long, openLong]
    ] as const
  })

/** Loading an order that `make` makes unless it is there. */
const loading = (
  subject: Subject.Subject,
  order: { readonly id: string; readonly events: number; readonly make: Effect.Effect<void> }
) =>
  Effect.gen(function* () {
    if ((yield* subject.load(order.id)) === 0) yield* order.make
    const events = yield* subject.load(order.id)
    return events === order.events
      ? subject.load(order.id)
      : yield* Effect.die(new Error(`${order.id} has ${events} events, not ${order.events}`))
  })

/** The same subject on orders that are its own: those on one database have the same ids otherwise. */
const apart = (subject: Subject.Subject): Subject.Subject => ({
  ...subject,
  append: (id, events) => subject.append(`${subject.name}-${id}`, events),
  load: (id) => subject.load(`${subject.name}-${id}`),
  execute: (id, n) => subject.execute(`${subject.name}-${id}`, n)
})

/** Commands on the same order one after the other, with its state in memory and without. */
export const executes = (stores: Stores): Opens<Subject.Subject> =>
  stores.flatMap(([name, open]) => {
    const cached = CommandHandler.layer.pipe(Layer.provide(Layer.succeed(CachedStreams, 1_000)))
    const withCache = `${name}, cached`
    return [
      [name, Effect.flatMap(open, (opened) => Effect.map(Subject.open(name, opened), apart))],
      [
        withCache,
        Effect.flatMap(open, (opened) =>
          Effect.map(Subject.open(withCache, opened, cached), (subject) => ({
            ...apart(subject),
            yardstick: name
          }))
        )
      ]
    ] as const
  })
