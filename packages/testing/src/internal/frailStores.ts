/**
 * Wraps the stores of a host that dies at a step of a read model, before or after the step takes
 * effect.
 */
import * as EventMark from "@daybook/kernel/EventMark"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import { EventStore } from "@daybook/store/EventStore"
import type { SubscriptionPage } from "@daybook/store/Subscription"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

/** The death of a host at a step, switch or hand-over, before or after it takes effect. */
export interface Fault {
  readonly when: "before" | "after"
  /** The number of such calls that succeed before the host dies. */
  readonly steps: number
}

export const frail = (
  stores: Context.Context<EventStore | ReadModelStore>,
  options: { readonly pageSize: number; readonly fault: Fault | undefined }
) => {
  const { fault, pageSize } = options
  const events = Context.get(stores, EventStore)
  const rows = Context.get(stores, ReadModelStore)
  let dead = false
  let steps = 0
  // A dead host makes no calls and receives no answers.
  const alive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => (dead ? Effect.never : effect))
  /** Wraps a call that the host may die at. */
  const counted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      if (dead) return Effect.never
      if (fault === undefined || steps++ < fault.steps) return effect
      if (fault.when === "before") {
        dead = true
        return Effect.never
      }
      return Effect.andThen(
        effect,
        Effect.suspend(() => {
          dead = true
          return Effect.never
        })
      )
    })
  const layer = Layer.mergeAll(
    Layer.succeed(
      EventStore,
      EventStore.of({
        ...events,
        subscribePages: (subscribed) =>
          Stream.flatMap(events.subscribePages(subscribed), (page) =>
            Stream.fromIterable(smaller(page, pageSize))
          ),
        readAll: (read) => Stream.rechunk(events.readAll(read), pageSize)
      })
    ),
    Layer.succeed(
      ReadModelStore,
      ReadModelStore.of({
        ...rows,
        open: (table, opened) => alive(rows.open(table, opened)),
        beginShadow: (table, begun) => alive(rows.beginShadow(table, begun)),
        claim: (of, owner, lease, despite) => alive(rows.claim(of, owner, lease, despite)),
        renew: (renewals) => alive(rows.renew(renewals)),
        release: (claim) => alive(rows.release(claim)),
        load: (table, claim, step) => alive(rows.load(table, claim, step)),
        advance: (table, claim, step) => counted(rows.advance(table, claim, step)),
        restart: (claim, log) => alive(rows.restart(claim, log)),
        mark: (markings) => alive(rows.mark(markings)),
        stop: (claim, poison) => alive(rows.stop(claim, poison)),
        promote: (table, claim, over) => counted(rows.promote(table, claim, over)),
        makeInline: (claim, catchUp) => counted(rows.makeInline(claim, catchUp)),
        makeAsync: (name, settled) => alive(rows.makeAsync(name, settled))
      })
    )
  )
  return {
    layer,
    die: () => {
      dead = true
    }
  }
}

/**
 * Splits a page into smaller pages. Each ends at its last event, and the last one where the page
 * ends.
 */
export const smaller = (page: SubscriptionPage, size: number): ReadonlyArray<SubscriptionPage> => {
  if (page.events.length <= size) return [page]
  const parts = Arr.chunksOf(page.events, size)
  return parts.map((events, index) => {
    const last = Arr.lastNonEmpty(events)
    const { position } = last
    return index === parts.length - 1
      ? { ...page, events }
      : {
          events,
          position,
          checkpoint: { ...page.checkpoint, position, event: EventMark.of(last) }
        }
  })
}
