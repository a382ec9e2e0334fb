/**
 * The steps of processes: their inputs, their commands, their end.
 */
import { ConsumerGroups } from "@daybook/reactors/ConsumerGroups"
import { ProcessTimers } from "@daybook/reactors/ProcessTimers"
import * as ProcessRunner from "@daybook/reactors/ProcessRunner"
import * as Effect from "effect/Effect"
import * as assert from "../../assert.ts"
import { dyingAt } from "./crashes.ts"
import {
  accountOf,
  type Cases,
  entriesOf,
  type Entry,
  freshWorld,
  permit,
  record,
  runIn,
  settle,
  untilAccount
} from "./fixture.ts"

const opened: Entry = { _tag: "Opened" }
const closed: Entry = { _tag: "Closed" }
const noted = (n: number): Entry => ({ _tag: "Noted", n })

/** The acts of a short history are far fewer. */
const MAX_ACTS = 500

export const stepCases: Cases = {
  "takes each event once, in the order of the log": Effect.gen(function* () {
    const world = freshWorld()
    for (const n of [0, 1, 2]) {
      for (const id of ["a", "b", "c"]) {
        yield* record(world, id, ...(n === 0 ? [opened] : []), noted(n))
      }
    }
    yield* settle(world)
    for (const id of ["a", "b", "c"]) {
      const { added, received } = yield* accountOf(world, id)
      assert.deepStrictEqual(received, yield* entriesOf(world, id))
      assert.deepStrictEqual(added, [0, 1, 2])
    }
  }),

  "takes an event once that is delivered again": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", opened, noted(1), noted(2))
    yield* settle(world)
    const before = yield* accountOf(world, "a")
    const groups = yield* ConsumerGroups
    for (const group of Object.values(ProcessRunner.groupNames(world.process))) {
      yield* groups.restart(group, { from: "beginning" })
    }
    yield* settle(world)
    assert.deepStrictEqual(yield* accountOf(world, "a"), before)
    assert.deepStrictEqual(before.added, [1, 2])
  }),

  "ignores an event from before its start, delivered again after it": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", noted(1), opened, noted(2))
    yield* settle(world)
    const groups = yield* ConsumerGroups
    const { inputs } = ProcessRunner.groupNames(world.process)
    yield* groups.restart(inputs, { from: "beginning" })
    yield* settle(world)
    assert.deepStrictEqual((yield* accountOf(world, "a")).added, [2])
  }),

  "continues a process that is started twice": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", opened, opened)
    yield* settle(world)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history, ["EventReceived", "Began", "EventReceived", "Began"])
  }),

  "stays ended": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", opened, closed)
    yield* settle(world)
    const ended = yield* accountOf(world, "a")
    yield* record(world, "a", noted(1), opened, closed)
    yield* settle(world)
    assert.deepStrictEqual(yield* accountOf(world, "a"), ended)
    assert.deepStrictEqual(ended.history, [
      "EventReceived",
      "Began",
      "EventReceived",
      "ProcessEnded"
    ])
  }),

  "is told that its command was rejected": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", opened, noted(-1))
    yield* settle(world)
    const { added, history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(2), [
      "EventReceived",
      "Saw",
      "CommandIssued",
      "CommandRejected",
      "Gave"
    ])
    assert.deepStrictEqual(added, [])
  }),

  "records the rejection of a command that it issued before it ended": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", opened, noted(-1), closed)
    // The inputs are taken before the command is sent, so that the process has ended by then.
    const groups = yield* ConsumerGroups
    const inputsOnly = ConsumerGroups.of({
      ...groups,
      run: (group, consume) =>
        group.name === ProcessRunner.groupNames(world.process).commands
          ? Effect.never
          : groups.run(group, consume)
    })
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* runIn(world).pipe(Effect.provideService(ConsumerGroups, inputsOnly))
        yield* untilAccount(world, "a", ({ history }) => history.includes("ProcessEnded"))
      })
    )
    yield* settle(world)
    const { history } = yield* accountOf(world, "a")
    assert.deepStrictEqual(history.slice(-2), ["ProcessEnded", "CommandRejected"])
  }),

  "holds an input that it can't take, until it is released": Effect.gen(function* () {
    const world = freshWorld()
    yield* record(world, "a", opened)
    yield* settle(world)
    world.faulty.add("a")
    yield* record(world, "a", noted(1), noted(2))
    yield* settle(world)
    const groups = yield* ConsumerGroups
    const { inputs } = ProcessRunner.groupNames(world.process)
    const { held, state } = yield* groups.status(inputs)
    assert.strictEqual(state, "stopped")
    assert.deepStrictEqual(
      held.map(({ issue, key }) => [key, issue]),
      [["a", "a is faulty"]]
    )
    world.faulty.delete("a")
    yield* groups.release(inputs)
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* runIn(world)
        yield* untilAccount(world, "a", ({ added }) => added.length === 2)
      })
    )
    assert.deepStrictEqual((yield* accountOf(world, "a")).added, [1, 2])
  }),

  "goes on wherever its host died": Effect.gen(function* () {
    let acts = 0
    while (true) {
      const died = yield* Effect.forEach(range(acts, HOSTS_AT_ONCE), dieAndGoOn, {
        concurrency: HOSTS_AT_ONCE
      })
      if (!died.every(Boolean)) break
      acts += HOSTS_AT_ONCE
      if (acts > MAX_ACTS) return assert.fail("the host always dies")
    }
    assert.isTrue(acts >= HOSTS_AT_ONCE, `there are ${acts} acts`)
  })
}

const HOSTS_AT_ONCE = 4

const range = (from: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => from + index)

/** Lets a host die at an act, and another one go on. Returns whether the host died. */
const dieAndGoOn = Effect.fnUntraced(function* (act: number) {
  const world = freshWorld()
  yield* record(world, "a", opened, noted(1), noted(-2), { _tag: "BellSet", at: 0 })
  const died = yield* dyingAt(act)(settle(world))
  // A command whose rejection the process has not learnt may be sent again, and be accepted.
  yield* permit(world, "a")
  yield* settle(world)
  const { added, history, received } = yield* accountOf(world, "a")
  const times = (type: string) => history.filter((one) => one === type).length
  const facts = {
    received,
    added,
    rang: times("Rang"),
    pending: (yield* Effect.flatMap(ProcessTimers, ({ status }) => status(world.process.name)))
      .pending
  }
  assert.deepStrictEqual(
    facts,
    {
      received: yield* entriesOf(world, "a"),
      added: times("Gave") === 1 ? [1] : [1, -2],
      rang: 1,
      pending: 0
    },
    `dead at act ${act}`
  )
  return died
})
