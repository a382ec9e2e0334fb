/**
 * Read-model stores that make one mistake each, beside the rule that it breaks.
 */
import * as Position from "@daybook/kernel/Position"
import type { ReadModelStoreError } from "@daybook/projections/ReadModelError"
import type { Claim, Poison } from "@daybook/projections/driver/ReadModelGeneration"
import type { ReadModelStore } from "@daybook/projections/ReadModelStore"
import type { StoredRow } from "@daybook/projections/driver/StoredRow"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

type Store = ReadModelStore["Service"]
const NONE = { upserts: [], deletions: [] }

type Break = (store: Store) => Partial<Store>

/** Replaces a host's claim by the newest one, as a store without fencing would. */
const newest = (store: Store, of: Claim): Effect.Effect<Claim, ReadModelStoreError> =>
  Effect.map(
    Effect.flatMap(store.states(of.name), (states) => {
      const state = states.find(({ generation }) => generation === of.generation)
      const owner = Option.getOrElse(state?.owner ?? Option.none(), () => "whoever")
      return store.claim(of, owner, of.lease)
    }),
    Option.getOrElse(() => of)
  )

const changeRows =
  (change: (row: StoredRow) => StoredRow): Break =>
  (store) => ({
    advance: (table, claim, step) => {
      const upserts = step.changes.upserts.map(change)
      return store.advance(table, claim, { ...step, changes: { ...step.changes, upserts } })
    }
  })

const each = (row: StoredRow, change: (value: string | number) => string | number): StoredRow =>
  Object.fromEntries(
    Object.entries(row).map(([field, value]) => [
      field,
      field !== "id" && (typeof value === "string" || typeof value === "number")
        ? change(value)
        : value
    ])
  )

const checkpointOf = (store: Store, { generation, name }: Claim, partition: number) =>
  Effect.map(store.states(name), (states) => {
    const state = states.find((one) => one.generation === generation)
    return state?.checkpoints[partition] ?? Position.start
  })

/** The broken stores by their mistake, each with part of the name of a case that must find it. */
export const mistakes: Readonly<Record<string, readonly [finds: string, breakIt: Break]>> = {
  "moves the checkpoint before the fold": [
    "leaves all as it was when the fold fails",
    (store) => ({
      load: (table, claim, { keys, ...step }) =>
        Effect.tap(store.load(table, claim, { ...step, keys }), () =>
          store.advance(table, claim, {
            ...step,
            to: Position.make(step.from + 1n),
            event: null,
            changes: NONE,
            events: 1,
            eventsPerSecond: 0
          })
        )
    })
  ],
  "saves the rows before it looks at the checkpoint": [
    "changes nothing once the checkpoint has moved",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.gen(function* () {
          const from = yield* checkpointOf(store, claim, step.partition)
          yield* Effect.ignore(store.advance(table, claim, { ...step, from, to: from }))
          yield* store.advance(table, claim, step)
        })
    })
  ],
  "saves the checkpoint apart from the rows": [
    "shows its rows and its checkpoint at the same time",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.gen(function* () {
          yield* store.advance(table, claim, { ...step, changes: NONE })
          yield* Effect.yieldNow
          yield* store.advance(table, claim, { ...step, from: step.to })
        })
    })
  ],
  "saves the rows apart from the checkpoint": [
    "shows its rows and its checkpoint at the same time",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.gen(function* () {
          yield* store.advance(table, claim, { ...step, to: step.from })
          yield* Effect.yieldNow
          yield* store.advance(table, claim, { ...step, changes: NONE })
        })
    })
  ],
  "does not fence its writes": [
    "changes nothing once another host has claimed the generation",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.flatMap(newest(store, claim), (current) => store.advance(table, current, step))
    })
  ],
  "looks where the checkpoint is, and writes in another step": [
    "happens once, of those from one position at the same time",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.gen(function* () {
          const from = yield* checkpointOf(store, claim, step.partition)
          if (from !== step.from) return yield* store.advance(table, claim, step)
          yield* Effect.yieldNow
          const now = yield* checkpointOf(store, claim, step.partition)
          const to = now > step.to ? now : step.to
          yield* store.advance(table, claim, { ...step, from: now, to })
        })
    })
  ],
  "gives a claim to whoever asks": [
    "has one owner at a time",
    (store) => ({ claim: (of, _, lease) => store.claim(of, "whoever", lease) })
  ],
  "finds nothing where another version serves": [
    "are not those of another version that serves",
    (store) => ({
      get: (table, key) =>
        Effect.catchTag(store.get(table, key), "OtherVersionServes", () => Effect.succeedNone)
    })
  ],
  "tries whatever stopped it again": [
    "is claimed by who tries the event again that stopped it",
    (store) => ({
      claim: (of, owner, lease, despite) =>
        Effect.flatMap(store.states(of.name), (states) => {
          const state = states.find(({ generation }) => generation === of.generation)
          const known = Option.getOrUndefined(state?.poison ?? Option.none())
          return store.claim(of, owner, lease, despite && known)
        })
    })
  ],
  "keeps whatever text it is given": [
    "records the beginning of what stopped a read model",
    (store) => {
      const told = new Map<string, Poison>()
      return {
        stop: (claim, poison) =>
          Effect.tap(store.stop(claim, poison), () =>
            Effect.sync(() => told.set(claim.name, poison))
          ),
        states: (name) =>
          Effect.map(store.states(name), (states) =>
            states.map((state) => ({
              ...state,
              poison: Option.map(state.poison, (known) => told.get(state.name) ?? known)
            }))
          )
      }
    }
  ],
  "never lets a lease run out": [
    "goes to another when the lease has run out",
    (store) => {
      const owners = new Map<string, string>()
      return {
        claim: (of, owner, lease, despite) => {
          const key = `${of.name} ${of.generation}`
          if ((owners.get(key) ?? owner) !== owner) return Effect.succeedNone
          owners.set(key, owner)
          return store.claim(of, owner, lease, despite)
        }
      }
    }
  ],
  "keeps numbers to 15 digits": [
    "rows: come back as they were, of every type and at its edges",
    changeRows((row) =>
      each(row, (value) => (typeof value === "number" ? Number(value.toPrecision(15)) : value))
    )
  ],
  "keeps instants to the second": [
    "rows: come back as they were, of every type and at its edges",
    changeRows((row) => each(row, (value) => String(value).replace(/\.\d{3}Z$/, ".000Z")))
  ],
  "trims text": [
    "rows: come back as they were, of every type and at its edges",
    changeRows((row) => each(row, (value) => (typeof value === "string" ? value.trimEnd() : value)))
  ],
  "adds to rows, and clears nothing": [
    "stores rows whole",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.gen(function* () {
          const keys = step.changes.upserts.map((row) =>
            Object.fromEntries(table.primaryKey.map(({ field }) => [field, row[field] ?? null]))
          )
          const rows = yield* store.load(table, claim, { ...step, keys })
          const upserts = step.changes.upserts.map((row) => {
            const before = rows.get(table.keyText(row)) ?? {}
            const known = Object.entries(row).filter(([, value]) => value !== null)
            return { ...row, ...before, ...Object.fromEntries(known) }
          })
          yield* store.advance(table, claim, { ...step, changes: { ...step.changes, upserts } })
        })
    })
  ],
  "orders text as JavaScript does": [
    "orders every type of column as it says",
    (store) => ({
      query: (table, query, generation) => {
        const [by, ...more] = query.orderBy
        if (by?.field !== "text" || more.length > 0) return store.query(table, query, generation)
        const sign = by.direction === "asc" ? 1 : -1
        return Stream.unwrap(
          Effect.map(Stream.runCollect(store.query(table, query, generation)), (rows) =>
            Stream.fromIterable(
              rows.toSorted((a, b) => {
                const [one, other] = [a["text"] as string, b["text"] as string]
                return one === other ? 0 : one < other ? -sign : sign
              })
            )
          )
        )
      }
    })
  ],
  "switches without a look at the rows": [
    "does not switch to rows that differ",
    (store) => ({
      promote: (table, claim, options) =>
        store.promote(table, claim, { ...options, compare: false })
    })
  ],
  "switches before the shadow has caught up": [
    "has the shadow brought to where what serves stands",
    (store) => ({
      promote: (table, claim, options) =>
        store.promote(table, claim, { ...options, compare: false, catchUp: () => Effect.void })
    })
  ],
  "drops whatever it is told to": [
    "dies for what serves",
    (store) => ({
      drop: (name, generation) =>
        Effect.catchDefect(store.drop(name, generation), () => Effect.void)
    })
  ],
  "pauses nobody": ["takes no step while it is paused", () => ({ pause: () => Effect.void })],
  "writes under a paused claim": [
    "changes nothing once the read model is paused",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.gen(function* () {
          const isPaused = (yield* store.states(claim.name)).some(({ paused }) => paused)
          if (isPaused) yield* store.resume(claim.name)
          yield* store.advance(table, claim, step)
        })
    })
  ],
  "writes under a claim that a skip has ended": [
    "changes nothing once an event is skipped",
    (store) => ({
      advance: (table, claim, step) =>
        Effect.catchTag(store.advance(table, claim, step), "ClaimLost", () =>
          Effect.flatMap(newest(store, claim), (current) => store.advance(table, current, step))
        )
    })
  ],
  "forgets that other rows are accepted": [
    "when that was accepted",
    (store) => ({
      beginShadow: (table, options) => store.beginShadow(table, { ...options, accept: false })
    })
  ],
  "accepts whatever rows there are": [
    "does not switch to rows that differ",
    (store) => ({
      beginShadow: (table, options) => store.beginShadow(table, { ...options, accept: true })
    })
  ],
  "records no reason": ["by whom and why", (store) => ({ pause: (name) => store.pause(name) })],
  "appends first, and folds afterwards": [
    "appends nothing, and folds nothing, of what one read model can't fold",
    (store) => ({
      inline: (options) =>
        Effect.tap(options.append, (answer) =>
          store.inline({
            ...options,
            append: Effect.succeed(answer),
            recorded: () => options.recorded(answer)
          })
        )
    })
  ],
  "opens a read model for whichever log": [
    "is that of the log which it is opened for, and it opens for no other",
    (store) => ({ open: (table, options) => store.open(table, { ...options, log: undefined }) })
  ],
  "begins a shadow of no log": [
    "has a shadow of the log that it is begun for",
    (store) => ({
      beginShadow: (table, options) =>
        Effect.map(store.beginShadow(table, options), ({ claim, shadow }) => ({
          claim,
          shadow: { ...shadow, log: Option.none() }
        }))
    })
  ],
  "moves the checkpoint without its event": [
    "has with each checkpoint the event at which it stands",
    (store) => ({
      advance: (table, claim, step) => store.advance(table, claim, { ...step, event: null })
    })
  ],
  "leaves a shadow of another history as it is": [
    "has a shadow of it that is begun from nothing again, under its claim, of a log",
    () => ({ restart: () => Effect.void })
  ],
  "keeps it by the appends to any log": [
    "is kept by appends to its log, and by those to no other",
    (store) => ({ inline: (options) => store.inline({ ...options, log: undefined }) })
  ],
  "notes nothing of what appends keep": [
    "notes how far appends have kept it, and only forward",
    () => ({ mark: () => Effect.void })
  ],
  "skips by the position alone": [
    "has the events left out that were named, wherever others stand now",
    (store) => ({
      skip: (skipped) =>
        Effect.flatMap(store.skipped(skipped.name), (known) =>
          known.some(({ position }) => position === skipped.position)
            ? Effect.void
            : store.skip(skipped)
        )
    })
  ],
  "hands over without waiting for the last steps": [
    "to the appends ends the claim, after the last steps under it",
    (store) => ({
      makeInline: (claim, catchUp) =>
        Effect.andThen(store.makeInline(claim, Effect.void), Effect.ignore(catchUp))
    })
  ]
}
