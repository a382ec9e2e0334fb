import {
  Broker,
  BrokerUnavailable,
  MessageRefused,
  type OutgoingMessage,
  type SendError
} from "@daybook/publishing/Broker"
import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"

const message = (id: string): OutgoingMessage => ({ topic: "t", key: id, id, body: "{}" })

const refusal = (id: string, ...acknowledged: ReadonlyArray<string>) =>
  new MessageRefused({
    broker: "test",
    topic: "t",
    id,
    reason: { _tag: "UnknownTopic" },
    acknowledged
  })

/** A broker whose requests the test answers one by one. */
const setting = Effect.gen(function* () {
  const requests = yield* Queue.unbounded<{
    readonly ids: ReadonlyArray<string>
    readonly answer: Deferred.Deferred<void, SendError>
  }>()
  const broker = yield* Broker.make({
    name: "test",
    send: (messages) => {
      const answer = Deferred.makeUnsafe<void, SendError>()
      Queue.offerUnsafe(requests, { ids: messages.map(({ id }) => id), answer })
      return Deferred.await(answer)
    }
  })
  const send = (...ids: readonly [string, ...ReadonlyArray<string>]) => {
    const [first, ...rest] = ids
    return Effect.forkChild(broker.send([message(first), ...rest.map(message)]), {
      startImmediately: true
    })
  }
  /** Takes the next request, and answers it. */
  const answer = Effect.fnUntraced(function* (exit: Exit.Exit<void, SendError>) {
    const request = yield* Queue.take(requests)
    yield* Deferred.done(request.answer, exit)
    return request.ids
  })
  return { send, answer, requests }
})

it.effect("sends what gathers during a request with the next one", () =>
  Effect.gen(function* () {
    const { answer, requests, send } = yield* setting
    const first = yield* send("a")
    const request = yield* Queue.take(requests)
    const others = [yield* send("b", "c"), yield* send("d")]
    yield* Deferred.succeed(request.answer, undefined)
    yield* Fiber.join(first)
    assert.deepStrictEqual(yield* answer(Exit.void), ["b", "c", "d"])
    for (const other of others) yield* Fiber.join(other)
  })
)

it.effect("answers a refusal to its caller alone, and sends the others again", () =>
  Effect.gen(function* () {
    const { answer, requests, send } = yield* setting
    const first = yield* send("a")
    const request = yield* Queue.take(requests)
    const [good, bad, last] = [yield* send("b"), yield* send("c", "d"), yield* send("e")]
    yield* Deferred.succeed(request.answer, undefined)
    assert.deepStrictEqual(yield* answer(Exit.fail(refusal("d"))), ["b", "c", "d", "e"])
    assert.deepStrictEqual(yield* answer(Exit.void), ["b", "e"])
    assert.deepStrictEqual<unknown>(yield* Effect.flip(Fiber.join(bad)), refusal("d"))
    for (const fiber of [first, good, last]) yield* Fiber.join(fiber)
  })
)

it.effect("does not send again what was acknowledged beside a refused message", () =>
  Effect.gen(function* () {
    const { answer, requests, send } = yield* setting
    const first = yield* send("a")
    const request = yield* Queue.take(requests)
    const [good, bad, half, last] = [
      yield* send("b"),
      yield* send("c", "d"),
      yield* send("e", "f"),
      yield* send("g", "h")
    ]
    yield* Deferred.succeed(request.answer, undefined)
    assert.deepStrictEqual(
      yield* answer(Exit.fail(refusal("d", "b", "c", "e", "h"))),
      "bcdefgh".split("")
    )
    // The caller whose messages are all acknowledged has its answer.
    yield* Fiber.join(good)
    assert.deepStrictEqual<unknown>(yield* Effect.flip(Fiber.join(bad)), refusal("d", "c"))
    assert.deepStrictEqual(yield* answer(Exit.fail(refusal("g"))), ["f", "g"])
    assert.deepStrictEqual<unknown>(yield* Effect.flip(Fiber.join(last)), refusal("g", "h"))
    assert.deepStrictEqual(yield* answer(Exit.void), ["f"])
    for (const fiber of [first, half]) yield* Fiber.join(fiber)
  })
)

it.effect("answers a failure to all callers of the request, and goes on", () =>
  Effect.gen(function* () {
    const { answer, send } = yield* setting
    const unavailable = new BrokerUnavailable({ broker: "test", operation: "send", cause: "away" })
    const first = yield* send("a")
    yield* answer(Exit.fail(unavailable))
    assert.strictEqual(yield* Effect.flip(Fiber.join(first)), unavailable)
    const second = yield* send("a")
    yield* answer(Exit.void)
    yield* Fiber.join(second)
  })
)

it.effect("goes on after a request that threw", () =>
  Effect.gen(function* () {
    const { answer, send } = yield* setting
    const first = yield* send("a")
    yield* answer(Exit.die(new Error("a bug of the client")))
    const error = yield* Effect.flip(Fiber.join(first))
    assert.strictEqual(error.message, "Cannot send by test: a bug of the client")
    const second = yield* send("b")
    assert.deepStrictEqual(yield* answer(Exit.void), ["b"])
    yield* Fiber.join(second)
  })
)

it.effect("does not send what its caller gave up before it was on its way", () =>
  Effect.gen(function* () {
    const { answer, requests, send } = yield* setting
    const first = yield* send("a")
    const request = yield* Queue.take(requests)
    const gone = yield* send("b")
    const other = yield* send("c")
    yield* Fiber.interrupt(gone)
    yield* Deferred.succeed(request.answer, undefined)
    assert.deepStrictEqual(yield* answer(Exit.void), ["c"])
    for (const fiber of [first, other]) yield* Fiber.join(fiber)
  })
)
