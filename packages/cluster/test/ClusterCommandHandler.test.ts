import * as ClusterCommandHandler from "@daybook/cluster/ClusterCommandHandler"
import * as CommandId from "@daybook/kernel/CommandId"
import * as Revision from "@daybook/kernel/Revision"
import * as StreamId from "@daybook/kernel/StreamId"
import {
  CachedStreams,
  CommandHandler,
  CurrentMetadata,
  MaxAttempts
} from "@daybook/store/CommandHandler"
import { EventStore, EventStoreError, WrongExpectedRevision } from "@daybook/store/EventStore"
import * as EventStoreMemory from "@daybook/store/EventStoreMemory"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import { assert, it, layer } from "@effect/vitest"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as TestRunner from "effect/cluster/TestRunner"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { account, aggregate, deposit, Overdrawn, withdraw } from "./Account.ts"

const fresh = Effect.sync(() => SecureRandom.uuidV4Unsafe())
const freshCommandId = Effect.map(fresh, CommandId.make)

const recorded = (id: string) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const streamId = yield* Effect.fromResult(StreamId.make(aggregate.category, id))
    return yield* Stream.runCollect(store.read(streamId))
  })

/** The handler of one host with a cache, on the event store of all hosts. */
const host = <E>(sharding: Layer.Layer<Sharding.Sharding, E>, mailboxCapacity = 1024) =>
  ClusterCommandHandler.layer({ aggregates: [account], mailboxCapacity }).pipe(
    Layer.provide(Layer.fresh(CommandHandler.layer)),
    Layer.provide(Layer.succeed(CachedStreams, 100)),
    Layer.provide(Layer.fresh(sharding))
  )

/** A cluster of one host, which owns all streams. */
const alone = host(TestRunner.layer)

/** A host that knows no runner and is none. */
const ownerless = Sharding.layer.pipe(
  Layer.provide([Runners.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provide(MessageStorage.layerNoop),
  Layer.provide(ShardingConfig.layer({ runnerAddress: Option.none() }))
)

layer(alone.pipe(Layer.provideMerge(EventStoreMemory.layer)), { excludeTestServices: true })(
  "ClusterCommandHandler on one runner",
  (it) => {
    it.effect("gives the answer of a handler without a cluster", () =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const id = yield* fresh
        yield* handler.execute(aggregate, id, deposit(10))
        const answer = yield* handler.execute(aggregate, id, withdraw(4))
        const [, last] = yield* recorded(id)
        if (last === undefined) return assert.fail("nothing was recorded")
        assert.deepStrictEqual(answer, {
          streamId: yield* Effect.fromResult(StreamId.make(aggregate.category, id)),
          revision: Revision.make(2),
          position: last.position,
          state: { balance: 6 },
          events: [{ _tag: "Withdrawn", amount: 4 }],
          repeated: false
        })
      })
    )

    it.effect("gives rejections and unmet expectations as they are", () =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const id = yield* fresh
        const rejected = yield* Effect.flip(handler.execute(aggregate, id, withdraw(4)))
        assert.deepStrictEqual(rejected, new Overdrawn({ balance: 0, amount: 4 }))
        const unmet = yield* Effect.flip(
          handler.execute(aggregate, id, deposit(1), { expected: ExpectedRevision.exists })
        )
        assert.instanceOf(unmet, WrongExpectedRevision)
        const invalid = yield* Effect.flip(handler.execute(aggregate, "", deposit(1)))
        assert.strictEqual("_tag" in invalid && invalid._tag, "InvalidStreamId")
      })
    )

    it.effect("counts a command id once and records the caller's metadata", () =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const id = yield* fresh
        const commandId = yield* freshCommandId
        const once = handler.execute(aggregate, id, deposit(10), { commandId })
        yield* Effect.provideService(once, CurrentMetadata, { actor: "anna" })
        assert.isTrue((yield* once).repeated)
        const events = yield* recorded(id)
        assert.deepStrictEqual(
          events.map(({ metadata }) => [metadata.actor, metadata.commandId]),
          [["anna", commandId]]
        )
      })
    )

    it.effect("accepts attempts without end", () =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const id = yield* fresh
        const executing = handler.execute(aggregate, id, deposit(10))
        const { revision } = yield* Effect.provideService(executing, MaxAttempts, Infinity)
        assert.strictEqual(revision, 1)
      })
    )

    it.effect("answers several commands in their order", () =>
      Effect.gen(function* () {
        const handler = yield* CommandHandler
        const id = yield* fresh
        const answers = yield* handler.executeAll(aggregate, id, [
          { command: deposit(1) },
          { command: withdraw(5) },
          { command: deposit(2) }
        ])
        assert.deepStrictEqual(
          answers.map((answer) => Result.isSuccess(answer) && answer.success.state.balance),
          [1, false, 3]
        )
      })
    )
  }
)

layer(host(TestRunner.layer, 1).pipe(Layer.provideMerge(EventStoreMemory.layer)), {
  excludeTestServices: true
})("ClusterCommandHandler with a small mailbox", (it) => {
  it.effect("records every command of a burst once", () =>
    Effect.gen(function* () {
      const handler = yield* CommandHandler
      const id = yield* fresh
      yield* Effect.forEach(
        Array.from({ length: 200 }),
        () => handler.execute(aggregate, id, deposit(1)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual((yield* handler.load(aggregate, id)).state.balance, 200)
      assert.strictEqual((yield* recorded(id)).length, 200)
    })
  )
})

it.live("counts each command once while two hosts own the same stream", () =>
  Effect.gen(function* () {
    const owners = yield* Effect.forEach([1, 2], () =>
      Effect.map(Layer.build(Layer.fresh(alone)), Context.get(CommandHandler))
    )
    const id = yield* fresh
    const commands = yield* Effect.forEach(Array.from({ length: 50 }), () =>
      Effect.map(freshCommandId, (commandId) => ({ commandId }))
    )
    // Both owners get every command, each with a state of its own that the other makes stale.
    const answers = yield* Effect.forEach(
      commands,
      (options) =>
        Effect.forEach(owners, (owner) => owner.execute(aggregate, id, deposit(1), options), {
          concurrency: 2
        }),
      { concurrency: 10 }
    )
    for (const both of answers) {
      assert.strictEqual(both.filter(({ repeated }) => repeated).length, 1)
      assert.strictEqual(both[0]?.position, both[1]?.position)
    }
    const events = yield* recorded(id)
    assert.strictEqual(events.length, commands.length)
    assert.deepStrictEqual(
      new Set(events.map(({ metadata }) => metadata.commandId)),
      new Set(commands.map(({ commandId }) => commandId))
    )
    // A decision on a stale state would withdraw more than there is.
    const withdrawn = yield* Effect.forEach(
      [...owners, ...owners],
      (owner) => Effect.result(owner.execute(aggregate, id, withdraw(50))),
      { concurrency: "unbounded" }
    )
    assert.strictEqual(withdrawn.filter(Result.isSuccess).length, 1)
    assert.strictEqual((yield* recorded(id)).length, 51)
  }).pipe(Effect.scoped, Effect.provide(EventStoreMemory.layer))
)

it.effect("fails with a typed error when no owner answers in time", () =>
  Effect.gen(function* () {
    const handler = yield* CommandHandler
    const executing = yield* Effect.forkChild(
      Effect.flip(handler.execute(aggregate, "1", deposit(1)))
    )
    yield* TestClock.adjust("31 seconds")
    const error = yield* Fiber.join(executing)
    assert.instanceOf(error, EventStoreError)
    assert.deepStrictEqual(
      error instanceof EventStoreError && error.cause,
      new ClusterCommandHandler.OwnerUnreachable({ streamId: "account-1", waitedMillis: 30_000 })
    )
    assert.strictEqual((yield* recorded("1")).length, 0)
  }).pipe(Effect.provide(host(ownerless).pipe(Layer.provideMerge(EventStoreMemory.layer))))
)

it.live("executes commands itself after its runner has left", () =>
  Effect.gen(function* () {
    const membership = yield* Scope.make()
    const sharding = yield* Layer.buildWithScope(Layer.fresh(TestRunner.layer), membership)
    const handler = Context.get(
      yield* Layer.build(host(Layer.succeedContext(sharding))),
      CommandHandler
    )
    yield* handler.execute(aggregate, "1", deposit(1))
    yield* Scope.close(membership, Exit.void)
    const { state } = yield* handler.execute(aggregate, "1", deposit(2))
    assert.strictEqual(state.balance, 3)
  }).pipe(Effect.scoped, Effect.provide(EventStoreMemory.layer))
)
