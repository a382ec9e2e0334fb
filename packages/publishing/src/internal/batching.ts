/**
 * Sends the messages of many callers together: while a request is on its way, those of the next one
 * gather.
 */
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Broker, OutgoingMessage, SendError } from "../Broker.ts"
import * as Metrics from "./metrics.ts"

/** The most calls of one request. */
const MAX_CALLS = 1_000

/** The messages of a caller that waits. */
interface Call {
  readonly messages: Arr.NonEmptyReadonlyArray<OutgoingMessage>
  readonly answer: Deferred.Deferred<void, SendError>
  /** True when the caller no longer waits: what was not sent yet must not be. */
  isGone: boolean
}

export const make = (
  driver: Broker["Service"],
  /** Makes the error of a request that threw. */
  threw: (cause: unknown) => SendError
): Effect.Effect<Broker["Service"]["send"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const calls = yield* Queue.unbounded<Call>()
    const watched = watching(driver, threw)

    const sendTogether = Effect.fnUntraced(function* (taken: ReadonlyArray<Call>) {
      const acknowledged = new Set<string>()
      const isLeft = ({ id }: OutgoingMessage) => !acknowledged.has(id)
      let left = taken.filter(({ isGone }) => !isGone)
      while (true) {
        const messages = left.flatMap((call) => call.messages.filter(isLeft))
        if (!Arr.isReadonlyArrayNonEmpty(messages)) return
        const result = yield* Effect.result(watched(messages))
        const refused = Result.isFailure(result) ? refusedOf(left, result.failure) : undefined
        if (refused === undefined) {
          for (const { answer } of left) Deferred.doneUnsafe(answer, Effect.fromResult(result))
          return
        }
        const { call, error } = refused
        for (const id of error.acknowledged) acknowledged.add(id)
        const own = call.messages.filter((message) => !isLeft(message)).map(({ id }) => id)
        Deferred.doneUnsafe(call.answer, Effect.fail(error.withAcknowledged(own)))
        left = left.filter((other) => {
          if (other === call) return false
          const isSent = !other.messages.some(isLeft)
          if (isSent) Deferred.doneUnsafe(other.answer, Effect.void)
          return !isSent
        })
      }
    })

    const gathered = Effect.gen(function* () {
      const first = yield* Queue.take(calls)
      // Callers that the last request answered may be about to send: they come into this request.
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      if (Queue.sizeUnsafe(calls) === 0) return [first]
      return [first, ...(yield* Queue.takeBetween(calls, 1, MAX_CALLS - 1))]
    })
    yield* gathered.pipe(Effect.flatMap(sendTogether), Effect.forever, Effect.forkScoped)
    return (messages) =>
      Effect.suspend(() => {
        const call: Call = { messages, answer: Deferred.makeUnsafe(), isGone: false }
        Queue.offerUnsafe(calls, call)
        return Effect.onInterrupt(Deferred.await(call.answer), () =>
          Effect.sync(() => {
            call.isGone = true
          })
        )
      })
  })

/** Returns the call whose message the broker refused, and the refusal. */
const refusedOf = (calls: ReadonlyArray<Call>, error: SendError) => {
  if (error._tag !== "MessageRefused") return undefined
  const call = calls.find(({ messages }) => messages.some(({ id }) => id === error.id))
  return call && { call, error }
}

/** Counts what a broker acknowledged, and logs when it becomes unavailable and available again. */
const watching = (
  driver: Broker["Service"],
  threw: (cause: unknown) => SendError
): Broker["Service"]["send"] => {
  const acknowledged = Metric.withAttributes(Metrics.acknowledged, { broker: driver.name })
  const failures = Metric.withAttributes(Metrics.failures, { broker: driver.name })
  let isAvailable = true
  return (messages) =>
    driver.send(messages).pipe(
      // A request that throws must not end the loop, for which all callers wait.
      Effect.catchDefect((cause) => Effect.fail(threw(cause))),
      Effect.tap(() => {
        const wasAvailable = isAvailable
        isAvailable = true
        return Effect.andThen(
          Metric.update(acknowledged, messages.length),
          wasAvailable ? Effect.void : Effect.logInfo(`${driver.name} acknowledges messages again`)
        )
      }),
      Effect.tapError((error) => {
        const wasAvailable = isAvailable
        if (error._tag !== "MessageRefused") isAvailable = false
        return Effect.andThen(
          Metric.update(failures, 1),
          wasAvailable && !isAvailable ? Effect.logWarning(error.message) : Effect.void
        )
      })
    )
}
