/**
 * Makes any calls in any order, and compares each answer and the visible state after it with the
 * reference.
 */
import * as Projection from "@daybook/kernel/Projection"
import { type Claim, SkipReason } from "@daybook/projections/driver/ReadModelGeneration"
import { ReadModelStore } from "@daybook/projections/ReadModelStore"
import * as ReadModelStoreMemory from "@daybook/projections/ReadModelStoreMemory"
import * as assert from "../../assert.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import {
  at,
  type Cases,
  countUp,
  eventAt,
  factsOf,
  freshName,
  LEASE,
  poison,
  reached,
  renew,
  rowsOf,
  runOut,
  take,
  tallies
} from "./fixture.ts"

// Few values of each kind, so that calls meet.
const version = Schema.Literals([1, 1, 2, 3])
const owner = Schema.Literals(["one", "one", "other"])
const generation = Schema.Literals([1, 2, 2, 3])
/** The index of one of the claims so far; the newest is last. */
const claim = Schema.Literals([-1, -1, -1, -2, -3])
const partition = Schema.Literals([0, 0, 0, 1])
const position = Schema.Literals([1, 2, 3, 4])

const Call = Schema.TaggedUnion({
  Step: {
    claim,
    partition,
    from: Schema.Literals(["where it is", "where it is", 0, 1]),
    by: Schema.Literals([1, 2])
  },
  Open: {
    version,
    changed: Schema.Literals([false, false, false, true]),
    parallelism: Schema.Literals([1, 2])
  },
  BeginShadow: {
    version,
    owner,
    parallelism: Schema.Literals([1, 2]),
    accept: Schema.Literals([false, false, true])
  },
  Claim: { generation, owner },
  Renew: { claim, from: Schema.Literals([-1, -1, 0, 1, 2]) },
  Release: { claim },
  RunOut: {},
  Stop: { claim, position },
  Pause: {},
  Resume: {},
  Skip: { version, position },
  Promote: {
    claim,
    compare: Schema.Boolean,
    catchUp: Schema.Literals(["there", "there", "fails"])
  },
  Drop: { generation },
  MakeInline: { claim },
  MakeAsync: { position }
})
type Call = typeof Call.Type

const Calls = Schema.Array(
  // Steps and the calls that allow them come more often than calls that end things.
  Schema.Union([
    Call,
    Call.cases.Step,
    Call.cases.Step,
    Call.cases.Claim,
    Call.cases.BeginShadow,
    Call.cases.Promote
  ])
).check(Schema.isMinLength(4), Schema.isMaxLength(40))

/** One of the two stores, with its claims so far. */
interface Side {
  readonly store: ReadModelStore["Service"]
  readonly claims: Array<Claim>
  readonly runOut: Effect.Effect<void, unknown>
}

const tableOf = (name: string, version: number, changed = false) =>
  tallies({ name, version, indexes: changed ? [] : [["count"]] })

/** Removes the epoch of a claim, its fencing token, which each store numbers in its own way. */
const withoutEpoch = (answer: unknown): unknown => {
  if (Option.isOption(answer)) return Option.map(answer, withoutEpoch)
  if (!Predicate.isReadonlyObject(answer)) return answer
  const { epoch: _, ...rest } = answer as { readonly epoch?: number }
  return "claim" in rest ? { ...rest, claim: withoutEpoch(rest.claim) } : rest
}

const make = Effect.fnUntraced(function* (
  name: string,
  { claims, runOut, store }: Side,
  call: Call
) {
  const pick = (n: number) => claims.at(n)
  const withClaim = <A, E>(n: number, use: (claim: Claim) => Effect.Effect<A, E>) => {
    const found = pick(n)
    return found === undefined ? Effect.void : use(found)
  }
  const had = (claim: Option.Option<Claim>) => {
    if (Option.isSome(claim)) claims.push(claim.value)
  }
  const model = Projection.Name.make(name)
  const checkpointsOf = (of: Claim) =>
    Effect.map(
      store.states(model),
      (states) => states.find((state) => state.generation === of.generation)?.checkpoints ?? []
    )
  return yield* Call.match(call, {
    Open: ({ changed, parallelism, version }): Effect.Effect<unknown, unknown> =>
      store.open(tableOf(name, version, changed), { parallelism }),
    BeginShadow: ({ accept, owner, parallelism, version }) =>
      Effect.tap(
        store.beginShadow(tableOf(name, version), {
          owner,
          parallelism,
          lease: LEASE,
          accept,
          why: { actor: owner }
        }),
        ({ claim }) => Effect.sync(() => had(claim))
      ),
    Claim: ({ generation, owner }) =>
      Effect.tap(store.claim({ name: model, generation }, owner, LEASE), (claim) =>
        Effect.sync(() => had(claim))
      ),
    Renew: ({ claim, from }) =>
      withClaim(claim, (held) =>
        Effect.provideService(
          from < 0 ? renew(held) : renew(held, from, from + 1),
          ReadModelStore,
          store
        )
      ),
    Release: ({ claim }) => withClaim(claim, store.release),
    RunOut: () => runOut,
    Step: ({ by, claim, from, partition }) =>
      withClaim(claim, (held) =>
        Effect.flatMap(checkpointsOf(held), (checkpoints) => {
          const start = from === "where it is" ? Number(checkpoints[partition] ?? 0n) : from
          const fields = { partition, eventsPerSecond: by }
          return take(
            store,
            tableOf(name, 1),
            held,
            countUp(start, start + by, partition === 0 ? "a" : "b", fields)
          )
        })
      ),
    Stop: ({ claim, position }) => withClaim(claim, (held) => store.stop(held, poison(position))),
    Pause: () => store.pause(model, { reason: "to look" }),
    Resume: () => store.resume(model),
    Skip: ({ position, version }) =>
      store.skip({
        name: model,
        version: Projection.Version.make(version),
        position: at(position),
        event: eventAt(position),
        reason: SkipReason.make(`at ${position}`)
      }),
    Promote: ({ catchUp, claim, compare }) =>
      withClaim(claim, (held) =>
        store.promote(tableOf(name, 1), held, {
          compare,
          catchUp: ({ checkpoints: [to = at(0)] }) =>
            Effect.gen(function* () {
              for (const [partition, from] of (yield* checkpointsOf(held)).entries()) {
                if (from >= to) continue
                yield* take(
                  store,
                  tableOf(name, 1),
                  held,
                  countUp(Number(from), Number(to), partition === 0 ? "a" : "b", { partition })
                )
              }
              if (catchUp === "fails") return yield* Effect.fail({ _tag: "NoMore" as const })
            })
        })
      ),
    Drop: ({ generation }) => store.drop(model, generation),
    MakeInline: ({ claim }) => withClaim(claim, (held) => store.makeInline(held, Effect.void)),
    MakeAsync: ({ position }) => store.makeAsync(model, Effect.succeed(reached(position)))
  })
})

/** Describes the outcome of a call in words that both stores share. */
const outcomeOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  if (Exit.isSuccess(exit)) return withoutEpoch(exit.value)
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isNone(error)) return "died"
  return Predicate.isReadonlyObject(error.value) ? withoutEpoch(factsOf(error.value)) : error.value
}

const seen = Effect.fnUntraced(function* (name: string, { store }: Side) {
  const model = Projection.Name.make(name)
  const states = yield* store.states(model)
  const rows = yield* Effect.forEach(
    [undefined, ...states.map(({ generation }) => generation)],
    (of) => rowsOf(tableOf(name, 1), {}, of)
  ).pipe(Effect.provideService(ReadModelStore, store))
  const skipped = yield* store.skipped(model)
  const acts = yield* store.acts(model)
  return {
    states,
    rows,
    skipped: skipped.map(({ position, reason, version }) => ({ position, reason, version })),
    acts: acts.map(({ act, actor, details, reason }) => ({ act, actor, details, reason }))
  }
})

const agree = Effect.fnUntraced(function* (calls: ReadonlyArray<Call>) {
  const name = freshName()
  const clock = yield* TestClock.make()
  const claims: Array<Claim> = []
  const leases = yield* Effect.context<Effect.Services<ReturnType<typeof runOut>>>()
  const side: Side = {
    store: yield* ReadModelStore,
    claims,
    runOut: Effect.provide(Effect.forEach(claims, runOut, { discard: true }), leases)
  }
  const reference: Side = {
    store: yield* ReadModelStoreMemory.make,
    claims: [],
    runOut: clock.adjust(Duration.times(LEASE, 2))
  }
  const onReference = Effect.provideService(Clock.Clock, clock)
  for (const call of [
    { _tag: "Open", version: 1, changed: false, parallelism: 1 } as const,
    ...calls
  ]) {
    const answer = outcomeOf(yield* Effect.exit(make(name, side, call)))
    const expected = outcomeOf(yield* onReference(Effect.exit(make(name, reference, call))))
    const [now, should] = [yield* seen(name, side), yield* onReference(seen(name, reference))]
    const differs = Object.entries({ answer: expected, ...should }).flatMap(([what, right]) => {
      const found = { answer, ...now }[what]
      return Equal.equals(found, right) ? [] : [{ what, found, right }]
    })
    if (differs.length > 0) return yield* Effect.fail({ call, differs })
  }
  return true
}, Effect.scoped)

export const callCases: Cases = {
  "give the answers and the states of the reference": Effect.gen(function* () {
    const checked = yield* Arbitrary.checkEffect(Arbitrary.schema(Calls), agree, { runs: 60 })
    if (checked._tag !== "Passed") assert.fail(Arbitrary.formatCheckFailure(checked) ?? "")
  })
}
