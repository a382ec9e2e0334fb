import type { Decider } from "@daybook/kernel/Decider"
import * as DeciderLaws from "@daybook/testing/laws/DeciderLaws"
import * as Law from "@daybook/testing/Law"
import * as LawSuite from "@daybook/testing/LawSuite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Command } from "../src/internal/lifecycle/command.ts"
import type { Rejection } from "../src/internal/lifecycle/decide.ts"
import * as Lifecycle from "@daybook/projections/driver/ReadModelLifecycle"
import type { Event } from "../src/internal/lifecycle/event.ts"
import {
  find,
  type Generation,
  leaseEndOf,
  servingOf,
  type State
} from "../src/internal/lifecycle/state.ts"
import { aggregate, at, command, name } from "./lifecycleCommands.ts"

type ReadModel = Decider<Command, State, Event, Rejection>

const decider = Lifecycle.decider(name)

/** Returns the claim of a command, if it has one. */
const claimOf = (one: Command) => ("claim" in one ? one.claim : undefined)

const isSame = (one: Generation | undefined, other: Generation | undefined) => one === other

const laws = (broken: Partial<ReadModel> = {}): ReadonlyArray<Law.Law> =>
  DeciderLaws.laws(aggregate({ ...decider, ...broken }), {
    commands: command,
    always: {
      "one generation serves, once there is one": ({ generations }) =>
        generations.length === 0 ||
        generations.filter(({ role }) => role === "serving").length === 1,
      "a version has one shadow at most": ({ generations }) => {
        const shadows = generations.filter(({ role }) => role === "shadow")
        return new Set(shadows.map(({ version }) => version)).size === shadows.length
      },
      "appends maintain serving generations only": ({ generations }) =>
        generations.every(({ mode, role }) => mode === "async" || role === "serving"),
      "a serving generation has one partition": (state) =>
        (servingOf(state)?.partitions.length ?? 1) === 1,
      "a claimed generation can be written": ({ generations }) =>
        generations.every(
          ({ mode, owner, poison, role }) =>
            owner === null || (role !== "retired" && mode === "async" && poison === null)
        ),
      "the next epoch was never drawn": ({ generations, nextEpoch }) =>
        generations.every(({ epoch }) => epoch < nextEpoch)
    },
    steps: {
      "a claim is taken from another owner only after its lease": ({ after, before, command }) =>
        before.generations.every((generation) => {
          const now = find(after, generation.number)
          return (
            generation.owner === null ||
            (now?.owner ?? generation.owner) === generation.owner ||
            leaseEndOf(generation) <= command.at
          )
        }),
      "an epoch is of one claim": ({ after, before }, earlier) => {
        const drawn = after.generations.filter(
          ({ epoch, number }) => epoch > 0 && find(before, number)?.epoch !== epoch
        )
        return drawn.every(({ epoch }) =>
          [...earlier.map((step) => step.before), before].every(({ generations }) =>
            generations.every((one) => one.epoch !== epoch)
          )
        )
      },
      "a claim that ends leaves another epoch": ({ after, before }) =>
        before.generations.every((generation) => {
          const now = find(after, generation.number)
          return (
            now === undefined || now.owner === generation.owner || now.epoch !== generation.epoch
          )
        }),
      "a claim that is not the newest writes nothing": ({ after, before, command }) => {
        const claim = claimOf(command)
        const known = claim && find(before, claim.generation)
        return (
          known === undefined ||
          (known.owner !== null && known.epoch === claim?.epoch) ||
          isSame(known, find(after, known.number))
        )
      },
      "a checkpoint moves only from the position of the step": ({ after, before, command }) =>
        command._tag !== "Advance" ||
        before === after ||
        find(before, command.claim.generation)?.partitions[command.partition]?.position ===
          command.from,
      "a paused read model takes no step": ({ after, before, command }) =>
        command._tag !== "Advance" || !before.paused || before === after,
      "the serving checkpoint never goes back, unless it is of a new generation or mode": ({
        after,
        before,
        command
      }) => {
        const [old, now] = [servingOf(before), servingOf(after)]
        return (
          old === undefined ||
          old.number !== now?.number ||
          command._tag === "MakeAsync" ||
          now.partitions[0].position >= old.partitions[0].position
        )
      },
      "the serving generation is not dropped": ({ after, before, command }) =>
        command._tag !== "Drop" || servingOf(before)?.number === servingOf(after)?.number,
      "rows that differ serve only if they are accepted": ({ after, before, command }) =>
        command._tag !== "Promote" ||
        (command.differing ?? 0) === 0 ||
        servingOf(after)?.number === servingOf(before)?.number ||
        find(before, command.claim.generation)?.accepted === true,
      "what was skipped stays skipped": ({ after, before }) =>
        before.skipped.every((one) => after.skipped.includes(one)),
      "a claim lives through no skip of its version": ({ after, command, decided }) =>
        command._tag !== "Skip" ||
        Result.isFailure(decided) ||
        decided.success.length === 0 ||
        after.generations.every(
          ({ owner, role, version }) =>
            version !== command.version || role === "retired" || owner === null
        )
    }
  })

LawSuite.suite("the life of a read model", laws(), { runs: 60 })

/** Checks that a law fails for a broken decider. */
const catches = (mistake: string, law: string, broken: Partial<ReadModel>): void =>
  it.effect(mistake, () =>
    Effect.gen(function* () {
      const named = laws(broken).filter((one) => one.name === law)
      assert.lengthOf(named, 1)
      const found = yield* Law.broken(named, { runs: 2_000, seed: 1, maxShrinks: 0 })
      assert.deepStrictEqual(
        found.map(({ reason }) => reason._tag),
        ["Falsified"]
      )
    })
  )

const deciding = (
  change: (command: Command, state: State) => readonly [Command, State]
): Partial<ReadModel> => ({
  decide: (command, state) => decider.decide(...change(command, state))
})

const each = (state: State, change: (generation: Generation) => Partial<Generation>): State => ({
  ...state,
  generations: state.generations.map((one) => ({ ...one, ...change(one) }))
})

describe("the laws catch a decider that", () => {
  catches(
    "ignores the lease of a claim",
    "a claim is taken from another owner only after its lease",
    deciding((command, state) => [
      command,
      command._tag === "Claim" ? each(state, () => ({ owner: null })) : state
    ])
  )
  catches(
    "ignores the lease of a shadow that is begun again",
    "a claim is taken from another owner only after its lease",
    deciding((command, state) => [
      command,
      command._tag === "BeginShadow" ? each(state, () => ({ owner: null })) : state
    ])
  )
  catches("forgets the epoch when it promotes", "a claim that ends leaves another epoch", {
    evolve: (state, event) => {
      const after = decider.evolve(state, event)
      return event._tag === "TablesSwapped"
        ? each(after, ({ epoch, number }) => ({ epoch: find(state, number)?.epoch ?? epoch }))
        : after
    }
  })
  catches("keeps the claims of a promotion", "a claimed generation can be written", {
    evolve: (state, event) => {
      const after = decider.evolve(state, event)
      return event._tag === "TablesSwapped"
        ? each(after, ({ number }) => ({ owner: find(state, number)?.owner ?? "one" }))
        : after
    }
  })
  catches("uses the epochs of a dropped generation again", "an epoch is of one claim", {
    evolve: (state, event) => {
      const after = decider.evolve(state, event)
      if (event._tag !== "TableDropped") return after
      const left = after.generations.map(({ epoch }) => epoch + 1)
      return { ...after, nextEpoch: Math.max(1, ...left) }
    }
  })
  catches(
    "does not fence",
    "a claim that is not the newest writes nothing",
    deciding((command, state) => {
      const claim = claimOf(command)
      const epoch = claim && find(state, claim.generation)?.epoch
      return [
        claim === undefined || epoch === undefined
          ? command
          : ({ ...command, claim: { ...claim, epoch } } as Command),
        state
      ]
    })
  )
  catches(
    "steps from wherever the checkpoint is",
    "a checkpoint moves only from the position of the step",
    deciding((command, state) => [
      command._tag === "Advance"
        ? {
            ...command,
            from:
              find(state, command.claim.generation)?.partitions[command.partition]?.position ??
              at(0)
          }
        : command,
      state
    ])
  )
  catches(
    "steps from and to anywhere, under any claim",
    "the serving checkpoint never goes back, unless it is of a new generation or mode",
    deciding((command, state) => {
      const serving = servingOf(state)
      if (command._tag !== "Advance" || serving === undefined) return [command, state]
      const { epoch, number, partitions } = serving
      const claim = { ...command.claim, generation: number, epoch }
      return [
        { ...command, claim, partition: 0, from: partitions[0].position },
        each(state, () => ({ owner: "one", poison: null, mode: "async" }))
      ]
    })
  )
  catches(
    "steps while it is paused",
    "a paused read model takes no step",
    deciding((command, state) => [
      command,
      command._tag === "Advance" ? { ...state, paused: false } : state
    ])
  )
  catches(
    "promotes rows that differ",
    "rows that differ serve only if they are accepted",
    deciding((command, state) => [
      command._tag === "Promote" ? { ...command, differing: null } : command,
      state
    ])
  )
  catches(
    "goes on under its claim when an event is skipped",
    "a claim lives through no skip of its version",
    {
      decide: (command, state) =>
        Result.map(decider.decide(command, state), (events) =>
          command._tag === "Skip" ? events.filter(({ _tag }) => _tag !== "ClaimEnded") : events
        )
    }
  )
  catches("begins a second shadow", "a version has one shadow at most", {
    decide: (command, state) =>
      decider.decide(
        command,
        command._tag === "BeginShadow"
          ? {
              ...state,
              generations: state.generations.map((one) =>
                one.role === "shadow" ? { ...one, role: "retired" } : one
              )
            }
          : state
      )
  })
  catches(
    "promotes a shadow beside the serving generation",
    "one generation serves, once there is one",
    {
      evolve: (state, event) => {
        const after = decider.evolve(state, event)
        return event._tag === "TablesSwapped"
          ? each(after, ({ number }) => (number === event.serving ? { role: "serving" } : {}))
          : after
      }
    }
  )
})
