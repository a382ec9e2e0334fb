/**
 * The behaviour of a command handler with snapshots, on any stores.
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Revision from "@daybook/kernel/Revision"
import { CommandHandler } from "@daybook/store/CommandHandler"
import { type EventStore, MAX_EVENTS } from "@daybook/store/EventStore"
import * as SnapshotPolicy from "@daybook/store/SnapshotPolicy"
import { type Snapshot, SnapshotStore, SnapshotStoreError } from "@daybook/store/SnapshotStore"
import * as SnapshotLaws from "@daybook/testing/laws/SnapshotLaws"
import { assert, describe, type Vitest } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import { aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"
import * as Hall from "./Hall.ts"
import {
  balance,
  caching,
  counters,
  counting,
  fresh,
  measured,
  move,
  newest,
  snapshotting,
  telling
} from "./handlerHarness.ts"
import * as Tally from "./Tally.ts"

/** Makes an account with five events and a snapshot at the fourth, which `change` alters. */
const accountWith = (change: (snapshot: Snapshot) => Snapshot) =>
  Effect.gen(function* () {
    const id = yield* fresh
    const taken = yield* Queue.unbounded<number>()
    const store = yield* SnapshotStore
    yield* Effect.gen(function* () {
      yield* move(id, 1, 2, 4, 8)
      assert.strictEqual(yield* Queue.take(taken), 4)
      yield* move(id, 16)
    }).pipe(
      Effect.provide(snapshotting(SnapshotPolicy.every(4)).pipe(Layer.provide(telling(taken))))
    )
    const snapshot = yield* newest(id)
    if (snapshot === undefined) return assert.fail("no snapshot was taken")
    yield* store.delete(snapshot.streamId)
    yield* store.save(change(snapshot))
    return id
  }).pipe(measured)

/** A snapshot store that has lost its database. */
const failing = Layer.sync(SnapshotStore, () => {
  const lost = new SnapshotStoreError({ operation: "any", cause: "connection lost" })
  return SnapshotStore.of({
    load: () => Effect.fail(lost),
    save: () => Effect.fail(lost),
    prune: () => Effect.fail(lost),
    delete: () => Effect.fail(lost)
  })
})

/** The cases, on the stores of `it`; `runs`: the number of tries of each law. */
export const snapshotCases = (
  it: Vitest.MethodsNonLive<EventStore | SnapshotStore>,
  runs: number
): void => {
  const handlers = {
    "snapshots after each event": snapshotting(SnapshotPolicy.every(1)),
    "snapshots now and then, and a cache of one stream": snapshotting(SnapshotPolicy.every(3), 1),
    "a cache": caching(100)
  }
  for (const [what, handler] of Object.entries(handlers)) {
    it.layer(handler)(`With ${what}`, (on) => {
      for (const law of SnapshotLaws.laws(Hall.aggregate, Hall.HallCommand)) {
        on.effect(law.name, () => law.check({ runs }), 120_000)
      }
    })
  }

  it.layer(snapshotting(SnapshotPolicy.every(1), 10))(
    "With events that hold more than is stored",
    (on) => {
      for (const law of SnapshotLaws.laws(Tally.aggregate, Tally.Tally)) {
        on.effect(law.name, () => law.check({ runs }), 120_000)
      }
    }
  )

  describe("With snapshots", { timeout: 60_000 }, () => {
    it.effect("takes one after so many events, beside the command, and keeps the newest", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const taken = yield* Queue.unbounded<number>()
        const policy = SnapshotPolicy.keeping(SnapshotPolicy.every(3), 2)
        const handler = snapshotting(policy).pipe(Layer.provide(telling(taken)))
        yield* Effect.gen(function* () {
          for (const revision of [3, 6, 9]) {
            yield* move(id, 1, 1, 1)
            assert.strictEqual(yield* Queue.take(taken), revision)
          }
        }).pipe(Effect.provide(handler))
        const store = yield* SnapshotStore
        const last = yield* newest(id)
        if (last === undefined) return assert.fail("no snapshot was taken")
        assert.deepStrictEqual([Number(last.revision), last.state], [9, { balance: 9 }])
        const at = (revision: number) => ({ atOrBelow: Revision.make(revision) })
        const before = Option.getOrThrow(yield* store.load(last.streamId, at(8)))
        assert.strictEqual<number>(before.revision, 6)
        assert.isTrue(Option.isNone(yield* store.load(last.streamId, at(5))))
      })
    )

    it.effect("takes one where a predicate says so, in an append of several events too", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const taken = yield* Queue.unbounded<number>()
        const seen: Array<SnapshotPolicy.Moment> = []
        const policy = SnapshotPolicy.when((moment) => {
          seen.push(moment)
          return moment.revision > 2
        })
        const handler = snapshotting(policy, 1).pipe(Layer.provide(telling(taken)))
        yield* Effect.gen(function* () {
          const accounts = yield* CommandHandler
          yield* move(id, 1)
          yield* accounts.executeAll(aggregate, id, [
            { command: deposit(1) },
            { command: withdraw(9) },
            { command: deposit(1) }
          ])
          assert.strictEqual(yield* Queue.take(taken), 3)
          yield* accounts.execute(aggregate, id, deposit(0))
          yield* move(id, 1)
        }).pipe(Effect.provide(handler))
        assert.deepStrictEqual(
          seen.map(({ revision, snapshotRevision }) => [revision, snapshotRevision]),
          [
            [1, 0],
            [3, 0],
            [4, 3]
          ]
        )
      })
    )

    it.effect("reads only what came after it", () =>
      Effect.gen(function* () {
        const id = yield* accountWith((snapshot) => snapshot)
        assert.deepStrictEqual(yield* balance(id), [5, 31])
        const counts = yield* counters
        assert.strictEqual(counts.get("daybook_snapshots_used account"), 1)
        // The snapshot's own event is read again as its proof.
        assert.strictEqual(counts.get("daybook_loaded_events account"), 2)
      }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)), measured)
    )

    const ignored: ReadonlyArray<readonly [string, string, (snapshot: Snapshot) => Snapshot]> = [
      [
        "is of another fold",
        "fingerprint",
        // Of the right form, but of no event.
        (snapshot) => ({
          ...snapshot,
          fingerprint: "0".repeat(64) as Snapshot["fingerprint"],
          state: { balance: 999 }
        })
      ],
      [
        "does not decode",
        "undecodable",
        (snapshot) => ({ ...snapshot, state: { balance: "much" } })
      ],
      [
        "lies beyond the end of its stream",
        "beyond",
        (snapshot) => ({ ...snapshot, revision: Revision.make(9), state: { balance: 999 } })
      ],
      [
        "ends with an event that the stream does not have",
        "foreign",
        (snapshot) => ({ ...snapshot, revision: Revision.make(3), state: { balance: 999 } })
      ]
    ]
    for (const [what, reason, change] of ignored) {
      it.effect(`ignores and counts one that ${what}`, () =>
        Effect.gen(function* () {
          const id = yield* accountWith(change)
          const host = snapshotting(SnapshotPolicy.never)
          // Closing a host waits for its deletions.
          assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(host)), [5, 31])
          const { state } = yield* Effect.flatMap(CommandHandler, (accounts) =>
            accounts.execute(aggregate, id, withdraw(31))
          ).pipe(Effect.provide(host))
          assert.deepStrictEqual(state, { balance: 0 })
          const counts = yield* counters
          const deleted = reason === "beyond" || reason === "foreign"
          assert.strictEqual(
            counts.get(`daybook_snapshots_ignored account ${reason}`),
            deleted ? 1 : 2
          )
          assert.strictEqual((yield* newest(id)) === undefined, deleted)
          assert.isUndefined(counts.get("daybook_snapshots_used account"))
        }).pipe(measured)
      )
    }

    it.effect("is of use again soon after the log was restored from a backup", () =>
      Effect.gen(function* () {
        const store = yield* SnapshotStore
        const id = yield* accountWith((snapshot) => snapshot)
        const right = yield* newest(id)
        if (right === undefined) return assert.fail("no snapshot was taken")
        // As many snapshots beyond the end as are kept, and one of another history.
        for (const revision of [900, 1000]) {
          yield* store.save({ ...right, revision: Revision.make(revision) })
        }
        yield* store.save({ ...right, revision: Revision.make(5) })
        yield* move(id, ...Array.from({ length: 20 }, () => 1)).pipe(
          Effect.provide(snapshotting(SnapshotPolicy.every(10)))
        )
        const saved = (yield* counters).get("daybook_snapshots_taken account saved")
        assert.isTrue(saved === 2 || saved === 3, String(saved))
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* balance(id), [25, 51])
          const counts = yield* counters
          assert.strictEqual(counts.get("daybook_snapshots_used account"), 1)
          assert.isUndefined(counts.get("daybook_snapshots_ignored account beyond"))
          assert.isBelow(counts.get("daybook_loaded_events account") ?? 0, 12)
        }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)), measured)
      }).pipe(measured)
    )

    it.effect("is of use to each of two folds on one stream", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        // The same account as another release folds it.
        const renamed = Aggregate.make({
          ...aggregate,
          decider: {
            ...aggregate.decider,
            initialState: { ...aggregate.decider.initialState, balance: 1 }
          }
        })
        yield* Effect.gen(function* () {
          const accounts = yield* CommandHandler
          for (let n = 0; n < 50; n++) {
            yield* accounts.execute(n % 2 === 0 ? aggregate : renamed, id, deposit(1))
          }
        }).pipe(Effect.provide(snapshotting(SnapshotPolicy.keeping(SnapshotPolicy.every(10), 1))))
        const saved = (yield* counters).get("daybook_snapshots_taken account saved") ?? 0
        // A snapshot may be skipped while another save is under way.
        assert.isAtMost(saved, 12)
        yield* Effect.gen(function* () {
          const accounts = yield* CommandHandler
          assert.deepStrictEqual((yield* accounts.load(aggregate, id)).state, { balance: 50 })
          assert.deepStrictEqual((yield* accounts.load(renamed, id)).state, { balance: 51 })
          const counts = yield* counters
          assert.strictEqual(counts.get("daybook_snapshots_used account"), 2)
        }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)), measured)
      }).pipe(measured)
    )

    it.effect("falls back on an older one that is right", () =>
      Effect.gen(function* () {
        const store = yield* SnapshotStore
        const id = yield* accountWith((snapshot) => snapshot)
        const right = yield* newest(id)
        if (right === undefined) return assert.fail("no snapshot was taken")
        yield* store.save({ ...right, revision: Revision.make(8) })
        yield* store.save({ ...right, revision: Revision.make(5), state: null })
        assert.deepStrictEqual(yield* balance(id), [5, 31])
        const counts = yield* counters
        assert.strictEqual(counts.get("daybook_snapshots_ignored account beyond"), 1)
        assert.strictEqual(counts.get("daybook_snapshots_ignored account undecodable"), 1)
        assert.strictEqual(counts.get("daybook_snapshots_used account"), 1)
      }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)), measured)
    )

    it.effect("looks at the past from one at or below, and at an instant from none", () =>
      Effect.gen(function* () {
        const id = yield* accountWith((snapshot) => snapshot)
        const handler = yield* CommandHandler
        const at = (revision: number) =>
          handler
            .loadAt(aggregate, id, { revision: Revision.make(revision) })
            .pipe(Effect.map(({ state }) => state.balance))
        assert.deepStrictEqual(yield* Effect.forEach([0, 3, 4, 5, 6], at), [0, 7, 15, 31, 31])
        const counts = yield* counters
        assert.strictEqual(counts.get("daybook_snapshots_used account"), 3)
        const before = yield* handler.loadAt(aggregate, id, {
          recordedAt: DateTime.makeUnsafe(-1)
        })
        assert.strictEqual<number>(before.revision, 0)
      }).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)), measured)
    )

    it.effect("knows a command that was executed before it, though it is refused now", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const [first, second] = [yield* fresh, yield* fresh].map(CommandId.make)
        const taken = yield* Queue.unbounded<number>()
        const handler = snapshotting(SnapshotPolicy.every(2)).pipe(Layer.provide(telling(taken)))
        yield* Effect.gen(function* () {
          const accounts = yield* CommandHandler
          yield* accounts.execute(aggregate, id, deposit(5), { commandId: first })
          const withdrawn = yield* accounts.execute(aggregate, id, withdraw(5), {
            commandId: second
          })
          assert.strictEqual(yield* Queue.take(taken), 2)
          const again = yield* accounts.execute(aggregate, id, withdraw(5), { commandId: second })
          assert.deepStrictEqual(again, { ...withdrawn, repeated: true })
          const refused = yield* Effect.flip(accounts.execute(aggregate, id, withdraw(5)))
          assert.deepStrictEqual(refused, new Overdrawn({ balance: 0, amount: 5 }))
          const deposited = yield* accounts.execute(aggregate, id, deposit(5), {
            commandId: first
          })
          assert.deepStrictEqual([deposited.revision, deposited.repeated], [1, true])
        }).pipe(Effect.provide(handler))
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(caching(0))), [2, 0])
      })
    )

    it.effect("fails no command when snapshots can be neither loaded nor saved", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const levels: Array<string> = []
        const logger = Logger.make(({ logLevel }) => levels.push(logLevel))
        yield* Effect.gen(function* () {
          yield* move(id, 1)
          while (!(yield* counters).has("daybook_snapshots_taken account failed")) {
            yield* Effect.yieldNow
          }
          assert.deepStrictEqual(yield* balance(id), [1, 1])
          const counts = yield* counters
          assert.strictEqual(counts.get("daybook_snapshots_ignored account unreadable"), 2)
        }).pipe(
          Effect.provide(snapshotting(SnapshotPolicy.every(1)).pipe(Layer.provide(failing))),
          Effect.provide(Logger.layer([logger]))
        )
        assert.deepStrictEqual(levels, ["Warn", "Warn", "Warn"])
      }).pipe(measured)
    )

    it.effect("fails no command when the policy throws", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const policy = SnapshotPolicy.when(() => {
          throw new Error("no policy")
        })
        yield* move(id, 1).pipe(
          Effect.provide(snapshotting(policy)),
          Effect.provide(Logger.layer([]))
        )
        assert.isUndefined(yield* newest(id))
      })
    )

    it.effect("asks the log for no command ids when commands bring none", () =>
      Effect.gen(function* () {
        const id = yield* accountWith((snapshot) => snapshot)
        const calls = yield* Ref.make<ReadonlyArray<string>>([])
        const handler = snapshotting(SnapshotPolicy.never).pipe(Layer.provide(counting(calls)))
        yield* move(id, 1).pipe(Effect.provide(handler))
        assert.deepStrictEqual(yield* Ref.get(calls), ["read", "append"])
      })
    )

    it.effect("knows commands that are repeated together, too many for one append", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const requests = yield* Effect.replicateEffect(
          Effect.map(fresh, (uuid) => ({ command: deposit(1), commandId: CommandId.make(uuid) })),
          MAX_EVENTS + 1
        )
        yield* Effect.gen(function* () {
          const accounts = yield* CommandHandler
          yield* accounts.executeAll(aggregate, id, requests.slice(0, MAX_EVENTS))
          yield* accounts.executeAll(aggregate, id, requests.slice(MAX_EVENTS))
        }).pipe(Effect.provide(snapshotting(SnapshotPolicy.every(1))))
        const repeated = yield* Effect.flatMap(CommandHandler, (accounts) =>
          accounts.executeAll(aggregate, id, requests)
        ).pipe(Effect.provide(snapshotting(SnapshotPolicy.never)))
        assert.isTrue(
          repeated.every((answer) => Result.isSuccess(answer) && answer.success.repeated)
        )
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(caching(0))), [
          MAX_EVENTS + 1,
          MAX_EVENTS + 1
        ])
      })
    )

    it.effect("stays right when several hosts take them of one stream at once", () =>
      Effect.gen(function* () {
        const id = yield* fresh
        const host = (cachedStreams: number) =>
          move(id, ...Array.from({ length: 8 }, () => 1)).pipe(
            Effect.provide(snapshotting(SnapshotPolicy.every(2), cachedStreams))
          )
        yield* Effect.all([host(0), host(1), host(0), host(1)], { concurrency: "unbounded" })
        const [plain, snapshotted] = [caching(0), snapshotting(SnapshotPolicy.never)]
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(plain)), [32, 32])
        assert.deepStrictEqual(yield* balance(id).pipe(Effect.provide(snapshotted)), [32, 32])
        const store = yield* SnapshotStore
        const last = yield* newest(id)
        if (last === undefined) return assert.fail("no snapshot was taken")
        assert.deepStrictEqual(last.state, { balance: last.revision })
        const below = (revision: number) =>
          store.load(last.streamId, { atOrBelow: Revision.make(revision - 1) })
        const second = Option.getOrThrow(yield* below(last.revision))
        assert.isTrue(Option.isNone(yield* below(second.revision)))
      })
    )
  })
}
