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
    "changes nothing when the fold fails",
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
  "reads the checkpoint, and writes in another step": [
    "succeeds once of several from one position at the same time",
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
  "grants every claim": [
    "has one owner at a time",
    (store) => ({ claim: (of, _, lease) => store.claim(of, "whoever", lease) })
  ],
  "finds nothing where another version serves": [
    "fails as OtherVersionServes",
    (store) => ({
      get: (table, key) =>
        Effect.catchTag(store.get(table, key), "OtherVersionServes", () => Effect.succeedNone)
    })
  ],
  "retries any poison": [
    "can be claimed to retry the event that stopped it",
    (store) => ({
      claim: (of, owner, lease, despite) =>
        Effect.flatMap(store.states(of.name), (states) => {
          const state = states.find(({ generation }) => generation === of.generation)
          const known = Option.getOrUndefined(state?.poison ?? Option.none())
          return store.claim(of, owner, lease, despite && known)
        })
    })
  ],
  "records text of any length": [
    "the record has the start of the issue",
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
    "goes to another host after its lease",
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
    "rows: are read back unchanged, of every type and at its limits",
    changeRows((row) =>
      each(row, (value) => (typeof value === "number" ? Number(value.toPrecision(15)) : value))
    )
  ],
  "keeps instants to the second": [
    "rows: are read back unchanged, of every type and at its limits",
    changeRows((row) => each(row, (value) => String(value).replace(/\.\d{3}Z$/, ".000Z")))
  ],
  "trims text": [
    "rows: are read back unchanged, of every type and at its limits",
    changeRows((row) => each(row, (value) => (typeof value === "string" ? value.trimEnd() : value)))
  ],
  "adds to rows, and clears nothing": [
    "stores whole rows",
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
    "orders columns of every type",
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
    "refuses a shadow whose rows differ",
    (store) => ({
      promote: (table, claim, options) =>
        store.promote(table, claim, { ...options, compare: false })
    })
  ],
  "switches before the shadow has caught up": [
    "brings the shadow to the checkpoint of the serving generation",
    (store) => ({
      promote: (table, claim, options) =>
        store.promote(table, claim, { ...options, compare: false, catchUp: () => Effect.void })
    })
  ],
  "drops any generation": [
    "dies for the serving generation",
    (store) => ({
      drop: (name, generation) =>
        Effect.catchDefect(store.drop(name, generation), () => Effect.void)
    })
  ],
  "ignores a pause": ["takes no step while it is paused", () => ({ pause: () => Effect.void })],
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
    "when the request for the shadow accepted them",
    (store) => ({
      beginShadow: (table, options) => store.beginShadow(table, { ...options, accept: false })
    })
  ],
  "accepts rows that differ": [
    "refuses a shadow whose rows differ",
    (store) => ({
      beginShadow: (table, options) => store.beginShadow(table, { ...options, accept: true })
    })
  ],
  "records no reason": [
    "has the operation, actor and reason",
    (store) => ({ pause: (name) => store.pause(name) })
  ],
  "appends first, and folds afterwards": [
    "appends and folds nothing when one read model can't fold an event",
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
  "opens a read model for any log": [
    "is the log for which a read model is opened; no other log is accepted",
    (store) => ({ open: (table, options) => store.open(table, { ...options, log: undefined }) })
  ],
  "begins a shadow of no log": [
    "of a shadow is the log that it is begun for",
    (store) => ({
      beginShadow: (table, options) =>
        Effect.map(store.beginShadow(table, options), ({ claim, shadow }) => ({
          claim,
          shadow: { ...shadow, log: Option.none() }
        }))
    })
  ],
  "moves the checkpoint without its event": [
    "includes the mark of the last event with each checkpoint",
    (store) => ({
      advance: (table, claim, step) => store.advance(table, claim, { ...step, event: null })
    })
  ],
  "leaves a shadow of another history as it is": [
    "of a shadow is replaced by a restart, under its claim, from position 0 of a log",
    () => ({ restart: () => Effect.void })
  ],
  "maintains it by appends to any log": [
    "limits inline maintenance to appends to its own log",
    (store) => ({ inline: (options) => store.inline({ ...options, log: undefined }) })
  ],
  "renews claims that were ended": [
    "is renewed together with others, of which some are lost",
    (store) => ({
      renew: (renewals) =>
        Effect.map(store.renew(renewals), (outcomes) => outcomes.map(() => "renewed" as const))
    })
  ],
  "refuses all renewals when one claim is lost": [
    "is renewed together with others, of which some are lost",
    (store) => ({
      renew: (renewals) =>
        Effect.map(store.renew(renewals), (outcomes) =>
          outcomes.includes("lost") ? outcomes.map(() => "lost" as const) : outcomes
        )
    })
  ],
  "extends claims, and leaves their checkpoints": [
    "moves the checkpoint in a renewal like a step without rows",
    (store) => ({ renew: (renewals) => store.renew(renewals.map(({ claim }) => ({ claim }))) })
  ],
  "moves checkpoints in renewals from anywhere": [
    "moves the checkpoint in a renewal like a step without rows",
    (store) => ({
      renew: (renewals) =>
        Effect.flatMap(
          Effect.forEach(renewals, ({ checkpoint, claim }) =>
            checkpoint === undefined
              ? Effect.succeed({ claim })
              : Effect.map(checkpointOf(store, claim, 0), (from) => ({
                  claim,
                  checkpoint: { ...checkpoint, from }
                }))
          ),
          store.renew
        )
    })
  ],
  "moves checkpoints back in renewals": [
    "moves the checkpoint in a renewal like a step without rows",
    (store) => ({
      renew: (renewals) =>
        Effect.map(store.renew(renewals), (outcomes) =>
          outcomes.map((outcome, n) => {
            const { from, to } = renewals[n]?.checkpoint ?? {}
            return from !== undefined && to !== undefined && to.position < from
              ? "renewed"
              : outcome
          })
        )
    })
  ],
  "reads the states of the first read model alone": [
    "lists all read models by name, and the generations of each",
    (store) => ({ states: (...names) => store.states(...names.slice(0, 1)) })
  ],
  "marks the first inline read model alone": [
    "advances together with those of other inline read models",
    (store) => ({ mark: (markings) => store.mark(markings.slice(0, 1)) })
  ],
  "ignores the progress of appends": [
    "advances with the progress of appends, and never goes back",
    () => ({ mark: () => Effect.void })
  ],
  "skips by the position alone": [
    "keeps skips by the mark of their event, not by its position",
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
    "to appends ends the claim, after the last steps under it",
    (store) => ({
      makeInline: (claim, catchUp) =>
        Effect.andThen(store.makeInline(claim, Effect.void), Effect.ignore(catchUp))
    })
  ]
}
