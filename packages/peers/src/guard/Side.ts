/**
 * A side of the comparison, and its processes.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Path from "node:path"
import { Line } from "./Message.ts"
import * as Row from "./Row.ts"

/** A checkout whose packages are measured. */
export interface Side {
  readonly name: "present" | "base"
  /** The folder of the checkout, with its dependencies installed. */
  readonly root: string
}

/** The packages of a side can't do a row. */
export class NotOffered extends Data.TaggedError("NotOffered")<{
  readonly side: Side["name"]
  readonly row: string
  readonly reason: string
}> {
  override get message() {
    return `The ${this.side} does not offer ${this.row}: ${this.reason}`
  }
}

const PROCESS = Path.join(import.meta.dirname, "sideProcess.ts")

/**
 * Starts a process of the side that has opened the row on an empty database; returns the function
 * that lets it work for some seconds, and returns the events per second.
 */
export const start = Effect.fnUntraced(function* (
  side: Side,
  row: Row.Row,
  url: Redacted.Redacted<string>
) {
  const title = Row.title(row)
  const refused = (reason: string) => new NotOffered({ side: side.name, row: title, reason })
  const seconds = yield* Queue.unbounded<string>()
  const { stdout } = yield* ChildProcess.make(process.execPath, [PROCESS, side.root, title], {
    env: { DATABASE_URL: url },
    extendEnv: true,
    stdin: { stream: Stream.encodeText(Stream.fromQueue(seconds)) },
    stderr: "inherit"
  }).pipe(Effect.orDie)
  const lines = yield* stdout.pipe(
    Stream.decodeText,
    Stream.splitLines,
    Stream.toQueue({ capacity: "unbounded" })
  )
  const next = Queue.take(lines).pipe(
    Effect.flatMap(Schema.decodeEffect(Line)),
    Effect.mapError(() => refused("its process ended or wrote something else")),
    Effect.filterOrFail(
      (message) => message._tag !== "NotOffered",
      (message) => refused("reason" in message ? message.reason : "")
    )
  )
  yield* next
  return (turn: number) =>
    Queue.offer(seconds, `${turn}\n`).pipe(
      Effect.andThen(next),
      Effect.flatMap((message) =>
        message._tag === "Took"
          ? Effect.succeed(message.perSecond)
          : Effect.fail(refused("it opened twice"))
      )
    )
})
