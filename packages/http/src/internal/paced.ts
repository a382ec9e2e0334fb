/**
 * Paces a stream for a client: emits something when nothing comes, and cuts a slow client off.
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

export interface Pace {
  readonly heartbeatMillis: number
  readonly patienceMillis: number
}

/**
 * Emits the elements of `source`, and `beat` after each silence. It reads nothing ahead of its
 * consumer. It interrupts a consumer that asks for nothing more within the patience:
 * for the fiber that writes an answer this closes the connection. It ends when `until` does.
 */
export const paced = <A, E>(
  source: Stream.Stream<A, E>,
  beat: () => A,
  { heartbeatMillis, patienceMillis }: Pace,
  until: Effect.Effect<void> = Effect.never
): Stream.Stream<A, E> =>
  Stream.scoped(
    Stream.fromPull(
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const pull = yield* Stream.toPull(source)
        // The pull outlives a heartbeat: interrupting it could lose what it has read.
        // The end comes first: a source that always has more would win every race.
        const next = Effect.raceFirst(
          Effect.flatMap(until, () => Cause.done()),
          pull
        )
        const begin = Effect.forkIn(next, scope, { startImmediately: true })
        let pending: Effect.Success<typeof begin> | undefined
        let watch: Fiber.Fiber<unknown, unknown> | undefined
        return Effect.withFiber((consumer) =>
          Effect.gen(function* () {
            if (watch !== undefined) yield* Fiber.interrupt(watch)
            pending ??= yield* begin
            const read = yield* Effect.timeoutOption(Fiber.await(pending), heartbeatMillis)
            let elements: Arr.NonEmptyReadonlyArray<A>
            if (read._tag === "None") elements = [beat()]
            else {
              pending = undefined
              elements = yield* read.value
            }
            watch = yield* Effect.forkIn(
              Effect.delay(
                Effect.sync(() => consumer.interruptUnsafe()),
                patienceMillis
              ),
              scope
            )
            return elements
          })
        )
      })
    )
  )
