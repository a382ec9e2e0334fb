/**
 * The savings of snapshots and cached states: a long order with snapshots beside a short one
 * without, and an order with a cached state beside the same without.
 */
import { CachedStreams, CommandHandler } from "@daybook/store/CommandHandler"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Contender, Open, Opens } from "./Appender.ts"
import * as Orders from "./Orders.ts"
import * as Subject from "./Subject.ts"

/** A contender that loads an order of its own length. */
export interface Loader extends Contender {
  /** Creates the order unless it exists, and returns the effect that loads it. */
  readonly begin: Effect.Effect<Effect.Effect<number>>
}

type Stores = ReadonlyArray<readonly [name: string, stores: Subject.Stores]>

export const EVENTS = 10_000
const DISTANCE = 100

/**
 * Opens an order of 10,000 events, at the greatest distance from its snapshot, beside one of 100.
 */
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
        // Closing the handler saves its snapshot, here at revision 9,901.
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

/** Returns the effect that loads an order, which `make` creates unless it exists. */
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

/** Gives a subject ids of its own; otherwise the subjects of one database would share orders. */
const apart = (subject: Subject.Subject): Subject.Subject => ({
  ...subject,
  append: (id, events) => subject.append(`${subject.name}-${id}`, events),
  load: (id) => subject.load(`${subject.name}-${id}`),
  execute: (id, n) => subject.execute(`${subject.name}-${id}`, n)
})

/** Opens subjects for commands on one order in sequence, with and without a cached state. */
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
