/**
 * The flags that every subcommand has.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { FORMATS } from "../output/listing.ts"

export const root = Command.make("daybook").pipe(
  Command.withSharedFlags({
    url: Flag.Redacted("url").pipe(
      Flag.withDescription("The server; other users can see it in the list of processes"),
      Flag.withMetavar("postgres://..."),
      Flag.optional
    ),
    data: Flag.String("data").pipe(
      Flag.withDescription(
        "The folder of an embedded database, which no other process may have open"
      ),
      Flag.withMetavar("DIR"),
      Flag.optional
    ),
    context: Flag.String("context").pipe(
      Flag.withDescription("A context of `daybook contexts`"),
      Flag.withMetavar("NAME"),
      Flag.optional
    ),
    config: Flag.String("config").pipe(
      Flag.withDescription("The configuration; daybook.config.ts of this folder if it is there"),
      Flag.withMetavar("FILE"),
      Flag.optional
    ),
    schema: Flag.String("schema").pipe(
      Flag.withDescription("The schema of the log"),
      Flag.withMetavar("NAME"),
      Flag.optional
    ),
    output: Flag.Literals("output", FORMATS).pipe(
      Flag.withAlias("o"),
      Flag.withDescription("plain: columns with tabs between them, without titles"),
      Flag.withDefault("table" as const)
    ),
    quiet: Flag.Boolean("quiet").pipe(
      Flag.withAlias("q"),
      Flag.withDescription("Print ids only, one a line, and no progress"),
      Flag.withDefault(false)
    )
  })
)
