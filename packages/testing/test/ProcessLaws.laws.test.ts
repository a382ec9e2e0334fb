/**
 * Shows that each law of process managers catches a manager that breaks it.
 */
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import * as StreamId from "@daybook/kernel/StreamId"
import * as Law from "@daybook/testing/Law"
import * as ProcessLaws from "@daybook/testing/laws/ProcessLaws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Step = Schema.TaggedUnion({
  Begun: {},
  Walked: { steps: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })) },
  Arrived: {}
})

const walks = {
  category: StreamId.Category.make("walk"),
  codec: EventCodec.make({ name: "walk", events: Step })
}

const Own = Schema.TaggedUnion({ Counted: { steps: Schema.Int }, Tired: {} })
const State = Schema.Struct({ steps: Schema.Int, tired: Schema.Boolean })
type State = typeof State.Type

const definition = ProcessManager.define({
  name: "walk",
  from: [walks],
  timers: ["evening"],
  events: EventCodec.make({ name: "walk", events: Own }),
  state: State
})

type Behaviour = Parameters<typeof definition.make>[0]

const right: Behaviour = {
  initialState: { steps: 0, tired: false },
  correlate: ({ _tag }, { streamId }) => {
    const id = StreamId.id(streamId)
    return _tag === "Begun" ? { start: id } : _tag === "Arrived" ? { end: id } : { continue: id }
  },
  evolve: (state, event) =>
    event._tag === "Counted"
      ? { ...state, steps: state.steps + event.steps }
      : { ...state, tired: true },
  react: (_, input) => {
    switch (input._tag) {
      case "Begun":
        return { timers: [{ set: "evening", after: "1 day" }] }
      case "Walked":
        return { events: [{ _tag: "Counted", steps: input.steps }] }
      case "TimerFired":
        return { events: [{ _tag: "Tired" }] }
      case "Arrived":
        return {}
    }
  }
}

const claims: ProcessLaws.Claims<State, typeof Own.Type> = {
  sources: [walks],
  always: { "no step is taken back": ({ steps }) => steps >= 0 }
}

const ANSWERED = "every input is answered"
const FUNCTION = "a step is a function of its input and its state"
const COMES_BACK = "what a process records comes back from its stored form"
const STAYS = "an end stays ended"
const REACHED = "every event, target and timer is reached"
const CLAIM = "no step is taken back"

let calls = 0

const twins: Record<string, { readonly behaviour: Partial<Behaviour>; readonly law: string }> = {
  "that throws": {
    behaviour: {
      react: (state, input, context) => {
        if (state.steps > 0) throw new Error("too far")
        return right.react(state, input, context)
      }
    },
    law: ANSWERED
  },
  "that sets a timer for no date": {
    behaviour: { react: () => ({ timers: [{ set: "evening", after: "Infinity" }] }) },
    law: ANSWERED
  },
  "that counts its calls": {
    behaviour: { react: () => ({ events: [{ _tag: "Counted", steps: calls++ }] }) },
    law: FUNCTION
  },
  "that changes its state in place": {
    behaviour: {
      evolve: (state, event) => Object.assign(state, right.evolve(state, event))
    },
    law: FUNCTION
  },
  "whose state does not fit its schema": {
    behaviour: {
      evolve: (state, event) =>
        event._tag === "Counted" ? { ...state, steps: state.steps + event.steps / 2 } : state
    },
    law: COMES_BACK
  },
  "whose timer never fires": {
    behaviour: { react: () => ({}) },
    law: REACHED
  },
  "that counts backwards": {
    behaviour: { evolve: (state) => ({ ...state, steps: state.steps - 1 }) },
    law: CLAIM
  }
}

const broken = (
  process: ReturnType<typeof definition.make>,
  law: string
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(
    Law.broken(
      ProcessLaws.laws(process, claims).filter(({ name }) => name === law),
      { runs: 200 }
    ),
    (all) => all.map((one) => one.law)
  )

describe("The laws of a process manager", () => {
  it.effect("hold for a right one", () =>
    Effect.gen(function* () {
      const laws = ProcessLaws.laws(definition.make(right), claims)
      assert.deepStrictEqual(
        laws.map(({ name }) => name),
        [ANSWERED, FUNCTION, COMES_BACK, STAYS, REACHED, CLAIM]
      )
      assert.deepStrictEqual(yield* Law.broken(laws, { runs: 50 }), [])
    })
  )

  for (const [name, { behaviour, law }] of Object.entries(twins)) {
    it.effect(`are broken by one ${name}`, () =>
      Effect.gen(function* () {
        // A state of its own: one of the twins changes it in place.
        const initialState = { ...right.initialState }
        const process = definition.make({ ...right, initialState, ...behaviour })
        assert.deepStrictEqual(yield* broken(process, law), [law])
      })
    )
  }

  it.effect("are broken by one that goes on after its end", () =>
    Effect.gen(function* () {
      const process = definition.make(right)
      const { decider } = process.aggregate
      const undying = {
        ...process,
        aggregate: {
          ...process.aggregate,
          decider: {
            ...decider,
            decide: (...[delivery, progress]: Parameters<typeof decider.decide>) =>
              decider.decide(delivery, { ...progress, status: "running" })
          }
        }
      }
      assert.deepStrictEqual(yield* broken(undying, STAYS), [STAYS])
    })
  )
})
