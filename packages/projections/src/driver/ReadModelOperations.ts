/**
 * The operations on read models in the words of their callers, made once for every store.
 *
 * For authors of stores.
 *
 * @since 0.1.0
 */
import type * as Projection from "@daybook/kernel/Projection"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { RowsDiffer } from "../ReadModelError.ts"
import type { Claim, GenerationState } from "./ReadModelGeneration.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import type { Any as AnyTable } from "./ReadModelTable.ts"
import { partitionCount } from "../internal/fold/partition.ts"
import { toCommand } from "../internal/lifecycle/command.ts"
import { heldAs, type Rejection } from "../internal/lifecycle/decide.ts"
import type { Driver, Transitioned } from "./ReadModelDriver.ts"
import type { Event } from "../internal/lifecycle/event.ts"
import { find, lowest, servingOf, shadowOf, view } from "../internal/lifecycle/state.ts"

/**
 * Makes the service of a driver.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (driver: Driver): ReadModelStore["Service"] => {
  const { differences, exclusively, transition, ...rest } = driver
  return ReadModelStore.of({
    ...rest,
    open: (table, { log, parallelism: asked = 1 } = {}) =>
      Effect.gen(function* () {
        const parallelism = yield* partitionCount(asked)
        const { name } = table
        const opened = yield* transition(
          name,
          { _tag: "Open", ...definitionOf(table), parallelism, log: log ?? null },
          table
        ).pipe(refusedBy("OtherLog", "DefinitionChanged", "Superseded"))
        const serving = servingOf(opened.state)
        if (serving === undefined) return yield* servesNothing(name)
        const shadow = shadowOf(opened.state, table.version)
        return {
          serving: view(opened.state, serving, opened.at),
          shadow: Option.map(Option.fromUndefinedOr(shadow), (one) =>
            view(opened.state, one, opened.at)
          )
        }
      }),
    beginShadow: (table, { accept = false, lease, log, owner, parallelism, why = {} }) =>
      Effect.gen(function* () {
        const begun = yield* transition(
          table.name,
          {
            _tag: "BeginShadow",
            ...definitionOf(table),
            parallelism: yield* partitionCount(parallelism),
            log: log ?? null,
            owner,
            leaseMillis: Duration.toMillis(lease),
            accept,
            why
          },
          table
        ).pipe(refusedBy("DefinitionChanged", "Superseded"))
        const shadow = shadowOf(begun.state, table.version)
        if (shadow === undefined) {
          return yield* Effect.die(new Error(`${table.name} has no shadow`))
        }
        const claim = claimOf(table.name, shadow.number, lease, begun.events)
        return { shadow: view(begun.state, shadow, begun.at), claim }
      }),
    claim: ({ generation, name }, owner, lease, despite) =>
      transition(name, {
        _tag: "Claim",
        generation,
        owner,
        leaseMillis: Duration.toMillis(lease),
        despite: despite ?? null
      }).pipe(
        refusedBy(),
        Effect.map(({ events }) => claimOf(name, generation, lease, events))
      ),
    release: (claim) =>
      transition(claim.name, { _tag: "Release", claim: toCommand(claim) }).pipe(
        refusedBy(),
        Effect.asVoid
      ),
    restart: (claim, log) =>
      transition(claim.name, { _tag: "Restart", claim: toCommand(claim), log }).pipe(
        refusedBy("ClaimLost"),
        Effect.asVoid
      ),
    stop: (claim, poison) =>
      transition(claim.name, { _tag: "Stop", claim: toCommand(claim), poison }).pipe(
        refusedBy("ClaimLost"),
        Effect.asVoid
      ),
    pause: (name, why = {}) =>
      transition(name, { _tag: "Pause", why }).pipe(refusedBy(), Effect.asVoid),
    resume: (name, why = {}) =>
      transition(name, { _tag: "Resume", why }).pipe(refusedBy(), Effect.asVoid),
    skip: ({ event, name, position, reason, version }, { actor, ofLostHistory = false } = {}) =>
      transition(name, {
        _tag: "Skip",
        version,
        position,
        event,
        reason,
        ofLostHistory,
        ...(actor === undefined ? {} : { actor })
      }).pipe(refusedBy("AlreadyFolded"), Effect.asVoid),
    promote: (table, claim, { catchUp, compare }) =>
      exclusively(
        { name: table.name, claim, operation: "promote" },
        Effect.fnUntraced(function* ({ appendsSettled, at, state }) {
          const { name } = table
          const held = toCommand(claim)
          const shadow = yield* Effect.fromResult(heldAs(state, held, "shadow"))
          const serving = servingOf(state)
          if (serving === undefined) return yield* servesNothing(name)
          if (serving.mode === "inline") yield* appendsSettled
          yield* catchUp(view(state, serving, at))
          const found = compare
            ? yield* differences(table, { serving: serving.number, rebuilt: shadow.number })
            : undefined
          const promoted = yield* transition(name, {
            _tag: "Promote",
            claim: held,
            differing: found?.count ?? null
          }).pipe(refusedBy("ClaimLost"))
          const now = find(promoted.state, shadow.number)
          if (now === undefined) return yield* servesNothing(name)
          return found === undefined || now.role === "serving"
            ? Result.succeed(view(promoted.state, now, promoted.at))
            : Result.fail(
                new RowsDiffer({
                  name,
                  position: lowest(now),
                  count: found.count,
                  differences: found.first
                })
              )
        })
        // A difference is an answer and no failure, so its record stays.
      ).pipe(
        Effect.flatMap((answer): Effect.Effect<GenerationState, RowsDiffer> =>
          Effect.fromResult(answer)
        )
      ),
    drop: (name, generation, why = {}) =>
      transition(name, { _tag: "Drop", generation, why }).pipe(refusedBy(), Effect.asVoid),
    makeInline: (claim, catchUp) =>
      exclusively(
        { name: claim.name, claim, operation: "makeInline" },
        Effect.fnUntraced(function* ({ appendsSettled, state }) {
          yield* Effect.fromResult(heldAs(state, toCommand(claim), "serving"))
          yield* appendsSettled
          yield* catchUp
          yield* transition(claim.name, { _tag: "MakeInline", claim: toCommand(claim) }).pipe(
            refusedBy("ClaimLost")
          )
        })
      ),
    makeAsync: (name, settled) =>
      exclusively(
        { name, operation: "makeAsync" },
        Effect.fnUntraced(function* ({ appendsSettled, state }) {
          if (servingOf(state)?.mode !== "inline") return
          yield* appendsSettled
          const reached = yield* settled
          yield* transition(name, { _tag: "MakeAsync", reached }).pipe(refusedBy())
        })
      )
  })
}

const definitionOf = ({ description, version }: AnyTable) => ({ version, description })

/** Returns the claim that the events made on a generation. */
const claimOf = (
  name: Projection.Name,
  generation: number,
  lease: Duration.Duration,
  events: ReadonlyArray<Event>
): Option.Option<Claim> => {
  const made = events.find((event) => event._tag === "Claimed" && event.generation === generation)
  return made?._tag === "Claimed"
    ? Option.some({ name, generation, epoch: made.epoch, lease })
    : Option.none()
}

/** Dies of the rejections that a command does not meet, and of rules that its caller broke. */
const refusedBy =
  <Tag extends Rejection["_tag"] = never>(...tags: ReadonlyArray<Tag>) =>
  <E extends { readonly _tag: string }>(
    transitioned: Effect.Effect<Transitioned, Rejection | E>
  ): Effect.Effect<
    Transitioned,
    Extract<Rejection, { readonly _tag: Tag }> | Exclude<E, Rejection>
  > =>
    Effect.catch(transitioned, (error) => {
      const isExpected = (
        one: Rejection | E
      ): one is Extract<Rejection, { readonly _tag: Tag }> | Exclude<E, Rejection> =>
        tags.some((tag) => tag === one._tag) || !isRejection(one)
      return isExpected(error) ? Effect.fail(error) : Effect.die(error)
    })

const REJECTIONS: Readonly<Record<Rejection["_tag"], true>> = {
  ClaimLost: true,
  OtherLog: true,
  DefinitionChanged: true,
  Superseded: true,
  AlreadyFolded: true,
  RuleBroken: true
}

const isRejection = ({ _tag }: { readonly _tag: string }): boolean => _tag in REJECTIONS

const servesNothing = (name: Projection.Name) => Effect.die(new Error(`${name} serves nothing`))
