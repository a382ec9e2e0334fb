/**
 * The pure decisions of the command loop: the proof that a decision lacks, and whether a lost
 * append lost a race.
 */
import * as CommandId from "@daybook/kernel/CommandId"
import * as Position from "@daybook/kernel/Position"
import type { RecordedEvent } from "@daybook/kernel/RecordedEvent"
import * as Revision from "@daybook/kernel/Revision"
import { StreamId } from "@daybook/kernel/StreamId"
import { WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { type AccountCommand, aggregate, deposit, withdraw } from "./Account.ts"
import { isLostRace } from "../src/internal/command/afterUnwritten.ts"
import {
  decideAll,
  type Identified,
  isUnexpected,
  proofLacking
} from "../src/internal/command/decide.ts"
import { beginFold, evolveBy, initial } from "../src/internal/command/fold.ts"

const streamId = StreamId.make("account-1")
const known = CommandId.make("00000000-0000-4000-8000-000000000001")

const request = (command: AccountCommand, n = 2): Identified<AccountCommand> => {
  const commandId = n === 1 ? known : CommandId.make(`00000000-0000-4000-8000-00000000000${n}`)
  return {
    command,
    commandId,
    namespace: commandId,
    occurredAt: DateTime.makeUnsafe(0),
    metadata: {},
    callerSuppliedId: true
  }
}

const start = () =>
  beginFold<{ readonly balance: number }, never>(
    streamId,
    new Map([[known, [known]]]),
    initial(aggregate)
  )

/** The event of the command 1, which deposited 5. */
const deposited: ReadonlyArray<RecordedEvent> = Result.getOrThrow(
  decideAll(aggregate, start(), [request(deposit(5), 1)])
).events.map((event) => ({
  ...event,
  streamId,
  revision: Revision.make(1),
  position: Position.make(1n),
  recordedAt: event.occurredAt
}))

/** An account at revision 1. */
const progress = () => {
  const account = start()
  evolveBy(aggregate, account, deposited)
  return account
}

/**
 * The commands of each decision, and the proof that it lacks where nothing is proved: with the
 * stream as expected, and with another revision expected.
 */
const decisions = {
  "an event of each command": [[deposit(1), deposit(2)], undefined, "current"],
  "no event of one of several": [[deposit(1), deposit(0)], "complete", "current"],
  "a rejection beside events": [[deposit(1), withdraw(99)], "complete", "current"],
  "no event at all": [[deposit(0)], "current", "current"],
  "a rejection": [[withdraw(99)], "current", "current"],
  "an event that the codec refuses": [[deposit(0.5)], "current", "current"],
  "no command": [[], "current", "current"]
} as const

describe("A decision", () => {
  for (const [what, [commands, lacking, unmet]] of Object.entries(decisions)) {
    const decision = decideAll(
      aggregate,
      progress(),
      commands.map((command, n) => request(command, n + 2))
    )
    const proof = (
      proved: { readonly current: boolean; readonly complete: boolean },
      expected: ExpectedRevision.ExpectedRevision
    ) => proofLacking(decision, { progress: progress(), ...proved }, expected)

    it(`on ${what} lacks ${lacking ?? "no proof"} on a stream of which nothing is proved`, () => {
      assert.strictEqual(proof({ current: false, complete: false }, ExpectedRevision.any), lacking)
    })

    it(`on ${what} lacks ${unmet} where another revision is expected`, () => {
      assert.strictEqual(
        proof({ current: false, complete: false }, ExpectedRevision.noStream),
        unmet
      )
      assert.strictEqual(
        proof({ current: true, complete: false }, ExpectedRevision.noStream),
        "complete"
      )
    })

    it(`on ${what} lacks nothing when both are proved`, () => {
      for (const expected of [ExpectedRevision.any, ExpectedRevision.noStream]) {
        assert.isUndefined(proof({ current: true, complete: true }, expected))
      }
    })
  }

  it("is unexpected at another revision, unless the call is a repetition that adds nothing", () => {
    const isRefused = (
      requests: ReadonlyArray<Identified<AccountCommand>>,
      expected: ExpectedRevision.ExpectedRevision
    ) => isUnexpected(decideAll(aggregate, progress(), requests), Revision.make(1), expected)
    const again = request(deposit(5), 1)
    assert.isFalse(isRefused([request(deposit(1))], ExpectedRevision.exists))
    assert.isTrue(isRefused([request(deposit(1))], ExpectedRevision.noStream))
    assert.isTrue(isRefused([request(deposit(0))], ExpectedRevision.noStream))
    assert.isFalse(isRefused([again], ExpectedRevision.noStream))
    assert.isFalse(isRefused([again, request(withdraw(99))], ExpectedRevision.noStream))
    assert.isTrue(isRefused([again, request(deposit(1))], ExpectedRevision.noStream))
  })
})

describe("A conflict", () => {
  const conflict = (between: ReadonlyArray<RecordedEvent>) => {
    const error = new WrongExpectedRevision({
      streamId,
      expected: ExpectedRevision.noStream,
      actual: Revision.make(1),
      between
    })
    return { _tag: "Conflict", error } as const
  }
  const loaded = (current: boolean) => ({ progress: progress(), current, complete: true })

  it("is a lost race, unless a cached state is of another history", () => {
    assert.isTrue(isLostRace(conflict(deposited), loaded(true)))
    assert.isTrue(isLostRace(conflict([]), loaded(true)))
    assert.isTrue(isLostRace(conflict(deposited), loaded(false)))
    assert.isFalse(isLostRace(conflict([]), loaded(false)))
  })
})
