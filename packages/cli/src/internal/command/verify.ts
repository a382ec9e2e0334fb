/**
 * `daybook verify`: checks a log, its snapshots and its read models.
 */
import * as ReadModelStorePostgres from "@daybook/projections/ReadModelStorePostgres"
import { EventStore } from "@daybook/store/EventStore"
import * as SnapshotStorePostgres from "@daybook/store/SnapshotStorePostgres"
import * as StartFailure from "@daybook/store/StartFailure"
import * as Digest from "effect/crypto/Digest"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Open from "../connection/open.ts"
import { FaultsFound } from "../exit.ts"
import { count, print } from "../output/listing.ts"
import * as Progress from "../output/progress.ts"
import * as Against from "../verify/against.ts"
import * as Events from "../verify/events.ts"
import * as Health from "../verify/health.ts"
import * as ReadModels from "../verify/readModels.ts"
import { type Check, listing, unchecked } from "../verify/report.ts"
import * as Snapshots from "../verify/snapshots.ts"
import { opened, session } from "./session.ts"

export const verify = Command.make(
  "verify",
  {
    against: Flag.String("against").pipe(
      Flag.withDescription("Also compare each event with an export of the log"),
      Flag.withMetavar("FILE"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const { config, style } = made
    const checks = yield* Progress.withLine(style.quiet, (draw) =>
      Effect.gen(function* () {
        const store = yield* EventStore
        const head = yield* store.head
        const found: Array<Check> = [
          ...(yield* Health.check),
          ...(yield* Events.check(config, head, draw))
        ]
        if (Option.isSome(input.against)) {
          found.push(yield* Against.check(input.against.value, head, draw))
        } else {
          found.push(
            unchecked(
              "content",
              "an event that was altered to another readable one shows only in snapshots and rows: compare with an export by --against FILE"
            )
          )
        }
        found.push(
          ...(yield* orUnready(
            "snapshots",
            Effect.provide(Snapshots.check(config, draw), SnapshotStorePostgres.layer)
          )),
          ...(yield* orUnready(
            "read models",
            Effect.provide(ReadModels.check(config, draw), ReadModelStorePostgres.layer)
          ))
        )
        return found
      })
    ).pipe(opened(made, Open.log), Effect.provide(Digest.layerWebCrypto))
    const faults = checks.filter(({ outcome }) => outcome === "fault")
    yield* print(
      style,
      listing,
      // Quiet, the names of what is wrong are all that a script needs.
      Stream.fromIterable(style.quiet ? faults : checks)
    )
    if (faults.length > 0) {
      return yield* new FaultsFound({
        summary: `${count(faults.length, "check")} found a fault; the first: ${faults[0]?.check}: ${faults[0]?.detail}`
      })
    }
  })
).pipe(
  Command.withDescription(
    "Check the log: positions increase, revisions are dense, times never decrease, every event decodes, snapshots agree with replay, rows of read models equal a fresh fold. It says what it checked, what it could not, and the first wrong thing of each check; exit status 3 when there is one. Memory holds some 100 bytes a stream, and the rows of one read model at a time."
  ),
  Command.withExamples([
    { command: "daybook verify" },
    { command: "daybook verify --against log.ndjson", description: "Find an altered event" },
    { command: "daybook verify -o json | jq '.[] | select(.outcome == \"fault\")'" }
  ])
)

/** A part of the store that is not migrated, or closed to this login, is not checked. */
const orUnready = <E extends { readonly _tag: string }, R>(
  name: string,
  checks: Effect.Effect<ReadonlyArray<Check>, E, R>
) =>
  Effect.catchIf(
    checks,
    (error) => error._tag === "NotMigrated" || error._tag === "NotPermitted",
    (error) => Effect.succeed([unchecked(name, StartFailure.lineOf(error))])
  )
