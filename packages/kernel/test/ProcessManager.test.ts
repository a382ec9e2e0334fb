import * as Aggregate from "@daybook/kernel/Aggregate"
import * as Decider from "@daybook/kernel/Decider"
import * as EventCodec from "@daybook/kernel/EventCodec"
import * as EventId from "@daybook/kernel/EventId"
import * as Position from "@daybook/kernel/Position"
import * as ProcessManager from "@daybook/kernel/ProcessManager"
import { type Delivery, ofEvent, type Progress } from "@daybook/kernel/ProcessStep"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

const Visit = Schema.TaggedUnion({
  Arrived: {},
  /** Asks for as many rings as the doorbell allows. */
  Rang: { times: Schema.Int },
  Waited: {},
  WokeUp: {},
  Left: {}
})
type Visit = typeof Visit.Type

const visits = {
  category: StreamId.Category.make("visit"),
  codec: EventCodec.make({ name: "visit", events: Visit })
}

const Ring = Schema.Struct({ times: Schema.Int.check(Schema.isGreaterThan(0)) })
const bells = Aggregate.make({
  category: "bell",
  codec: EventCodec.make({ name: "bell", events: Schema.TaggedUnion({ Rung: {} }) }),
  state: Schema.Null,
  decider: Decider.make({
    initialState: null,
    decide: (_: typeof Ring.Type, __: null) => Result.fail("broken" as const),
    evolve: (_: null, __: { readonly _tag: "Rung" }) => null
  })
})

const parts = {
  name: "host",
  from: [visits],
  commands: { bell: ProcessManager.target(bells, Ring) },
  timers: ["patience", "sleep"],
  events: EventCodec.make({
    name: "host",
    events: Schema.TaggedUnion({ Opened: {}, Woken: {}, Sighed: { over: Schema.String } })
  }),
  state: Schema.Array(Schema.String)
} as const

/** The reaction to `Waited`, and the id of the bell. */
const makeHost = (patience: Duration.Input = "1 minute", bell = "front") =>
  ProcessManager.define(parts).make({
    initialState: [],
    correlate: ({ _tag }, { streamId }) => {
      const id = StreamId.id(streamId)
      return _tag === "Arrived" ? { start: id } : _tag === "Left" ? { end: id } : { continue: id }
    },
    evolve: (seen, { _tag }) => [...seen, _tag],
    react: (_, input) => {
      switch (input._tag) {
        case "Arrived":
          return { events: [{ _tag: "Opened" }] }
        case "Rang":
          return { commands: [{ to: "bell", id: bell, command: { times: input.times } }] }
        case "Waited":
          return { timers: [{ set: "patience", after: patience }] }
        case "WokeUp":
          return { timers: [{ cancel: "patience" }, { cancel: "sleep" }] }
        case "TimerFired":
          return { events: [{ _tag: "Woken" }] }
        case "CommandRejected":
          return { events: [{ _tag: "Sighed", over: `${input.command.times} ${input.rejection}` }] }
        case "Left":
          return {}
      }
    },
    isDone: (seen) => seen.includes("Woken")
  })

const host = makeHost()
type Host = typeof host
type Recorded = ReturnType<Host["aggregate"]["decider"]["evolve"]>

const NOON = DateTime.makeUnsafe("2026-01-01T12:00:00Z")
const minutes = (count: number) => DateTime.add(NOON, { minutes: count })

const recordedAt = (position: bigint): RecordedEvent => ({
  id: EventId.make(`00000000-0000-4000-8000-${String(position).padStart(12, "0")}`),
  type: "Arrived",
  schemaVersion: 1,
  data: {},
  metadata: {},
  occurredAt: NOON,
  recordedAt: NOON,
  streamId: StreamId.StreamId.make("visit-1"),
  revision: Revision.make(1),
  position: Position.make(position)
})

const delivery = (event: Visit, position = 5n, process: Host = host): Delivery<Visit> => {
  const delivered = ofEvent(process, event, recordedAt(position))
  if (delivered === undefined) throw new Error("ignored")
  return delivered
}

/** Delivers inputs in turn; returns the events of the last step, or its refusal. */
const after = (
  deliveries: ReadonlyArray<Delivery<Visit>>,
  { aggregate: { decider } }: Host = host
) => {
  let progress: Progress<ReadonlyArray<string>> = decider.initialState
  let last: ReturnType<typeof decider.decide> = Result.succeed([])
  for (const one of deliveries) {
    last = decider.decide(one, progress)
    progress = Result.getOrElse(last, () => []).reduce<Recorded>(decider.evolve, progress)
  }
  return { last, progress, tags: Result.map(last, (events) => events.map(({ _tag }) => _tag)) }
}

const arrived = delivery({ _tag: "Arrived" })
const waited = delivery({ _tag: "Waited" }, 6n)
const left = delivery({ _tag: "Left" }, 9n)
const fired = (setting: number, timer = "patience"): Delivery<Visit> => ({
  _tag: "Timer",
  id: "1",
  at: minutes(9),
  timer,
  setting
})
const rejection: Delivery<Visit> = {
  _tag: "Rejection",
  id: "1",
  at: NOON,
  issued: EventId.make("00000000-0000-4000-8000-000000000099"),
  to: "bell",
  instance: "front",
  command: { times: 2 },
  rejection: "broken"
}

const reasonOf = ({ last }: ReturnType<typeof after>) =>
  Result.isFailure(last) ? last.failure.reason : undefined

describe("A process", () => {
  it("records the event that starts it, and its reaction", () => {
    const { last, progress } = after([arrived])
    const { id: eventId, position, streamId, type } = recordedAt(5n)
    assert.deepStrictEqual(
      last,
      Result.succeed([
        { _tag: "EventReceived", eventId, type, streamId, position },
        { _tag: "Opened" }
      ])
    )
    assert.deepStrictEqual(progress, {
      status: "running",
      startedAt: position,
      state: ["Opened"],
      timers: [],
      settings: 0
    })
  })

  it("takes nothing before its start", () => {
    for (const early of [waited, left, fired(1)]) {
      assert.deepStrictEqual(after([early]).tags, Result.succeed([]))
    }
  })

  it("takes no event from before its start", () => {
    const before = delivery({ _tag: "Waited" }, 4n)
    assert.deepStrictEqual(after([arrived, before]).tags, Result.succeed([]))
  })

  it("is continued by another start", () => {
    const again = delivery({ _tag: "Arrived" }, 7n)
    const { progress, tags } = after([arrived, again])
    assert.deepStrictEqual(tags, Result.succeed(["EventReceived", "Opened"]))
    assert.strictEqual(progress.startedAt, Position.make(5n))
  })

  it("records an event without a reaction", () => {
    const woke = delivery({ _tag: "WokeUp" }, 7n)
    assert.deepStrictEqual(after([arrived, woke]).tags, Result.succeed(["EventReceived"]))
  })

  it("ends with an event that ends it, and cancels its timers before", () => {
    const { progress, tags } = after([arrived, waited, left])
    assert.deepStrictEqual(
      tags,
      Result.succeed(["EventReceived", "TimerCancelled", "ProcessEnded"])
    )
    assert.deepStrictEqual(progress.timers, [])
  })

  it("ends when it is done", () => {
    const { progress, tags } = after([arrived, waited, fired(1)])
    assert.deepStrictEqual(tags, Result.succeed(["TimerFired", "Woken", "ProcessEnded"]))
    assert.strictEqual(progress.status, "ended")
  })

  it("takes nothing after its end", () => {
    const ended = [arrived, waited, left]
    for (const late of [arrived, waited, left, fired(1)]) {
      assert.deepStrictEqual(after([...ended, late]).tags, Result.succeed([]))
    }
  })

  it("records a rejection after its end, without a reaction", () => {
    const { progress, tags } = after([arrived, left, rejection])
    assert.deepStrictEqual(tags, Result.succeed(["CommandRejected"]))
    assert.strictEqual(progress.status, "ended")
  })
})

describe("A command of a process", () => {
  it("is recorded in its stored form", () => {
    const { last } = after([arrived, delivery({ _tag: "Rang", times: 2 }, 6n)])
    assert.deepStrictEqual(Result.getOrThrow(last).at(-1), {
      _tag: "CommandIssued",
      to: "bell",
      id: "front",
      command: { times: 2 }
    })
  })

  it("is an input, with its rejection, when it is rejected", () => {
    const { last } = after([arrived, rejection])
    assert.deepStrictEqual(Result.getOrThrow(last), [
      {
        _tag: "CommandRejected",
        issued: EventId.make("00000000-0000-4000-8000-000000000099"),
        to: "bell",
        id: "front",
        command: { times: 2 },
        reason: "broken"
      },
      { _tag: "Sighed", over: "2 broken" }
    ])
  })

  it("is refused when its target takes no such command", () => {
    const never = after([arrived, delivery({ _tag: "Rang", times: 0 }, 6n)])
    assert.strictEqual(reasonOf(never)?._tag, "InvalidCommand")
  })

  it("is refused when its id is not that of an instance", () => {
    const process = makeHost("1 minute", "")
    const nowhere = after([arrived, delivery({ _tag: "Rang", times: 2 }, 6n)], process)
    assert.strictEqual(reasonOf(nowhere)?._tag, "InvalidInstance")
  })

  it("is refused when it went to a target that the process does not have", () => {
    const unknown = after([arrived, { ...rejection, to: "gong" }])
    assert.deepStrictEqual(reasonOf(unknown), { _tag: "UnknownTarget", to: "gong" })
  })
})

describe("A timer of a process", () => {
  it("is due after its duration, counted from the event", () => {
    const { progress } = after([arrived, waited])
    assert.deepStrictEqual(progress.timers, [{ timer: "patience", setting: 1, due: minutes(1) }])
  })

  it("fires once", () => {
    const woke = delivery({ _tag: "WokeUp" }, 7n)
    const waiting = [arrived, waited, woke, waited]
    assert.deepStrictEqual(after(waiting).progress.timers.length, 1)
    assert.deepStrictEqual(after([...waiting, fired(2), fired(2)]).tags, Result.succeed([]))
  })

  it("does not fire with an earlier setting", () => {
    const { progress, tags } = after([arrived, waited, waited, fired(1)])
    assert.deepStrictEqual(tags, Result.succeed([]))
    assert.deepStrictEqual(
      progress.timers.map(({ setting }) => setting),
      [2]
    )
  })

  it("is cancelled only if it is set", () => {
    const woke = delivery({ _tag: "WokeUp" }, 7n)
    const { last, progress } = after([arrived, waited, woke])
    assert.deepStrictEqual(Result.getOrThrow(last).slice(1), [
      { _tag: "TimerCancelled", timer: "patience", setting: 1 }
    ])
    assert.deepStrictEqual(progress.timers, [])
  })

  it("is refused when it is due at no date", () => {
    const process = makeHost("Infinity")
    assert.deepStrictEqual(reasonOf(after([arrived, waited], process)), {
      _tag: "InvalidTimer",
      timer: "patience"
    })
  })

  it("is refused when the process no longer has it", () => {
    const { aggregate } = ProcessManager.define({ ...parts, timers: ["sleep"] }).make({
      initialState: [],
      correlate: () => "ignore",
      evolve: (seen) => seen,
      react: () => ({})
    })
    const { progress } = after([arrived, waited])
    const refused = aggregate.decider.decide(fired(1), progress)
    assert.isTrue(Result.isFailure(refused))
    if (Result.isSuccess(refused)) return
    assert.deepStrictEqual(refused.failure.reason, { _tag: "UnknownTimer", timer: "patience" })
    assert.strictEqual(
      refused.failure.message,
      "Cannot take the step of process host 1: it has no timer patience"
    )
  })
})

describe("A process manager", () => {
  it("stores its own events beside those of its steps", () => {
    const { codec } = host.aggregate
    const { last } = after([arrived, waited, left])
    for (const event of Result.getOrThrow(last)) {
      const encoded = Result.getOrThrow(codec.encode(event))
      assert.deepStrictEqual(codec.decode(encoded), Result.succeed([event]))
    }
    assert.deepStrictEqual(Result.getOrThrow(codec.encode({ _tag: "Opened" })), {
      type: "Opened",
      schemaVersion: 1,
      data: {}
    })
  })

  it("has a category of its own", () => {
    assert.strictEqual(host.aggregate.category, StreamId.Category.make("process_host"))
  })

  it("refuses an own event with a reserved name", () => {
    const events = EventCodec.make({
      name: "host",
      events: Schema.TaggedUnion({ TimerSet: {} })
    })
    const make = () =>
      ProcessManager.define({ ...parts, events }).make({
        initialState: [],
        correlate: () => "ignore",
        evolve: (seen) => seen,
        react: () => ({})
      })
    assert.throws(make, "host has the reserved event type TimerSet")
  })

  it("refuses a target under another name than its category", () => {
    const commands = { gong: ProcessManager.target(bells, Ring) }
    assert.throws(
      () => ProcessManager.define({ ...parts, commands }),
      "host names the target bell gong"
    )
  })

  it("refuses to read a category twice", () => {
    assert.throws(
      () => ProcessManager.define({ ...parts, from: [visits, visits] }),
      "host reads a category twice: visit, visit"
    )
  })
})
