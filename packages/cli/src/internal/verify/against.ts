/**
 * Compares a log with an export of it, event by event.
 */
import * as Position from "@daybook/kernel/Position"
import { EventStore } from "@daybook/store/EventStore"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Head, InvalidExport, Line, lines } from "../log/exportFormat.ts"
import * as Differences from "../output/differences.ts"
import { count } from "../output/listing.ts"
import type { Draw } from "../output/progress.ts"
import { fault, well } from "./report.ts"

const decodeHead = Schema.decodeUnknownResult(Schema.fromJsonString(Head))
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))
const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

const NAME = "against the export"

export const check = Effect.fnUntraced(function* (
  file: string,
  upTo: Position.Position,
  draw: Draw
) {
  const fs = yield* FileSystem
  const store = yield* EventStore
  const text = fs.stream(file).pipe(Stream.decodeText, Stream.splitLines)
  const head = yield* Stream.runHead(text)
  const decoded = decodeHead(head._tag === "Some" ? head.value : "")
  if (Result.isFailure(decoded)) {
    return yield* new InvalidExport({ line: 1, issue: decoded.failure.message })
  }
  const log = yield* store.identity
  if (decoded.success.log !== log) {
    return fault(NAME, `the file is of log ${decoded.success.log}, and this is log ${log}`)
  }
  const ofFile = text.pipe(
    Stream.drop(1),
    Stream.filter((line) => !line.startsWith('{"daybook":"end"'))
  )
  let compared = 0
  const differing = yield* Stream.zipWith(ofFile, lines(Position.start, upTo), (given, found) => ({
    given,
    found
  })).pipe(
    Stream.tap(({ found, given }) => {
      if (given === found) compared += 1
      return compared % 1_000 === 0 ? draw(`${count(compared, "event")} compared`) : Effect.void
    }),
    Stream.filter(({ found, given }) => given !== found),
    Stream.runHead
  )
  if (differing._tag === "Some") return describe(differing.value.given, differing.value.found)
  const ofFileAll = yield* Stream.runCount(ofFile)
  return ofFileAll > compared
    ? fault(NAME, `the log ends after ${count(compared, "event")}, and the file has ${ofFileAll}`)
    : well(NAME, `${count(compared, "event")} are as the file has them`)
})

const describe = (given: string, found: string) => {
  const [before, after] = [decodeLine(given), decodeLine(found)]
  const [left, right] = [decodeJson(given), decodeJson(found)]
  if (
    Result.isFailure(before) ||
    Result.isFailure(after) ||
    Result.isFailure(left) ||
    Result.isFailure(right)
  ) {
    return fault(NAME, "the file has a line that is no event")
  }
  const { position, revision, streamId, type } = after.success
  const [difference] = Differences.between(left.success, right.success)
  const place = `${type} at revision ${revision} of ${streamId}, position ${position}`
  return fault(
    NAME,
    `the event ${place} has ${difference?.path} ${Differences.textOf(difference?.after)}, and the file ${Differences.textOf(difference?.before)}`,
    {
      position: String(position),
      streamId,
      revision,
      field: difference?.path ?? "",
      found: difference?.after ?? null,
      given: difference?.before ?? null
    }
  )
}
