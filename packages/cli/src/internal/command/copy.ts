/**
 * `daybook export` and `daybook import`: a log as a file, and back.
 */
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import * as PostgresActs from "@daybook/store/PostgresActs"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Stdio } from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { Misused } from "../exit.ts"
import * as ExportFile from "../log/exportFile.ts"
import * as ImportLog from "../log/importLog.ts"
import { count, printFacts } from "../output/listing.ts"
import * as Progress from "../output/progress.ts"
import { why, whyOf } from "./parameters.ts"
import { opened, session } from "./session.ts"

export const exportLog = Command.make(
  "export",
  {
    to: Flag.String("to").pipe(
      Flag.withDescription("The file; standard output without it"),
      Flag.withMetavar("FILE"),
      Flag.optional
    ),
    resume: Flag.Boolean("resume").pipe(
      Flag.withDescription("Go on with the file of an interrupted export"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    if (input.resume && Option.isNone(input.to)) {
      return yield* new Misused({ problem: "--resume needs the file, --to FILE" })
    }
    const end = yield* Progress.withLine(made.style.quiet, (draw) =>
      Effect.gen(function* () {
        return Option.isNone(input.to)
          ? yield* ExportFile.toStdout(draw)
          : yield* ExportFile.toFile(input.to.value, input.resume, draw)
      })
    ).pipe(opened(made, Open.log))
    // Standard output has the export itself.
    if (Option.isNone(input.to)) return
    yield* printFacts(made.style, input.to.value, [
      ["file", input.to.value],
      ["events", end.events],
      ["sha256", end.sha256]
    ])
  })
).pipe(
  Command.withDescription(
    "Write the whole log as lines of JSON, with ids, revisions, positions and times, a count and a checksum."
  ),
  Command.withExamples([
    { command: "daybook export --data ./shop-data > log.ndjson" },
    { command: "daybook export --to log.ndjson --resume", description: "Go on after Ctrl-C" }
  ])
)

export const importLog = Command.make(
  "import",
  {
    file: Argument.String("FILE").pipe(
      Argument.withDescription("The export; standard input without it"),
      Argument.optional
    ),
    ...why
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const fs = yield* FileSystem
    const stdio = yield* Stdio
    const bytes = Option.match(input.file, {
      onNone: () => stdio.stdin,
      onSome: (file) => fs.stream(file)
    })
    // A folder has no other user and no roles, and perhaps no log yet.
    const parts =
      made.target._tag === "embedded" ? Layer.provide(Open.log, PostgresMigrations.layer) : Open.log
    const imported = yield* Progress.withLine(made.style.quiet, (draw) =>
      ImportLog.run(bytes.pipe(Stream.decodeText, Stream.splitLines), draw)
    ).pipe(
      opened(made, parts, { creates: true }),
      Effect.provideService(PostgresActs.CurrentWhy, whyOf(input))
    )
    yield* printFacts(made.style, imported.log, [
      ["log", imported.log],
      ["events", imported.events],
      ["added", imported.added],
      ["sha256", imported.sha256],
      ["compared", `${count(imported.events, "event")} read back: count and checksum are the same`]
    ])
  })
).pipe(
  Command.withDescription(
    "Copy an export into an empty log, which becomes the same log: same id, same positions, same times. Run it again to complete an import that was interrupted. On a server it needs a user that may act as the owner of the log, and hosts must not append meanwhile."
  ),
  Command.withExamples([
    { command: "daybook export --data ./shop-data | daybook import --url $SERVER" },
    { command: "daybook import log.ndjson --data ./copy" }
  ])
)
