/**
 * `daybook migrate`: the tables and functions of the log, the read models and the reactors.
 */
import * as ReadModelMigrations from "@daybook/projections/ReadModelMigrations"
import * as ReactorMigrations from "@daybook/reactors/ReactorMigrations"
import * as PostgresActs from "@daybook/store/PostgresActs"
import * as PostgresMigrations from "@daybook/store/PostgresMigrations"
import type { NotMigrated } from "@daybook/store/PostgresStart"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { FaultsFound } from "../exit.ts"
import { type Listing, print } from "../output/listing.ts"
import { why, whyOf } from "./parameters.ts"
import { connected, session } from "./session.ts"

/** A part of the database that has migrations of its own. */
interface Line {
  readonly part: string
  readonly state: "up to date" | "pending" | "migrated"
  readonly detail: string
}

const listing: Listing<Line> = {
  columns: [
    { title: "part", of: ({ part }) => part },
    { title: "state", of: ({ state }) => state },
    { title: "detail", of: ({ detail }) => detail }
  ],
  id: ({ part }) => part,
  json: ({ detail, part, state }) => ({ part, state, detail })
}

const PARTS = [
  { part: "log", migrations: PostgresMigrations },
  { part: "read models", migrations: ReadModelMigrations },
  { part: "reactors", migrations: ReactorMigrations }
] as const

const pendingOf = ({ found, functions, needed }: NotMigrated): string =>
  functions !== undefined
    ? `functions to replace: ${functions.join(", ")}`
    : `migration ${found} of ${needed} ran`

/** Returns what each part lacks, and changes nothing. */
const look = Effect.forEach(PARTS, ({ migrations, part }) =>
  migrations.check.pipe(
    Effect.as({ part, state: "up to date", detail: "" } as Line),
    Effect.catchTag("NotMigrated", (error) =>
      Effect.succeed<Line>({ part, state: "pending", detail: pendingOf(error) })
    )
  )
)

const status = Command.make(
  "status",
  {},
  Effect.fnUntraced(function* () {
    const made = yield* session
    const lines = yield* look.pipe(connected(made))
    yield* print(made.style, listing, Stream.fromIterable(lines))
    const pending = lines.filter(({ state }) => state === "pending")
    if (pending.length > 0) {
      return yield* new FaultsFound({
        summary: `Not migrated: ${pending.map(({ part }) => part).join(", ")}`
      })
    }
  })
).pipe(
  Command.withDescription("Say what a migration would do; exit status 3 when there is anything."),
  Command.withExamples([{ command: "daybook migrate status" }])
)

export const migrate = Command.make(
  "migrate",
  {
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Say what it would do, and change nothing"),
      Flag.withDefault(false)
    ),
    ...why
  },
  Effect.fnUntraced(function* (input) {
    const made = yield* session
    const work = Effect.gen(function* () {
      const before = yield* look
      if (input.dryRun) return before
      // The log also when it is up to date: a migration repairs what a restore left.
      return yield* Effect.forEach(PARTS, ({ migrations, part }, index) =>
        Effect.map(migrations.migrate, (done): Line => {
          const pending = before[index]
          return pending?.state === "pending"
            ? {
                part,
                state: "migrated",
                detail:
                  done.length > 0
                    ? done.map(([id, name]) => `${id} ${name}`).join(", ")
                    : pending.detail
              }
            : { part, state: "up to date", detail: "" }
        })
      )
    })
    const lines = yield* work.pipe(
      connected(made, { creates: !input.dryRun }),
      Effect.provideService(PostgresActs.CurrentWhy, whyOf(input))
    )
    yield* print(made.style, listing, Stream.fromIterable(lines))
  })
).pipe(
  Command.withDescription(
    "Create or migrate the tables and functions of the log, the read models and the reactors. Rights of roles are granted by PostgresRoles, in code."
  ),
  Command.withExamples([
    { command: "daybook migrate --dry-run" },
    { command: "daybook migrate --url $OWNER_URL" }
  ]),
  Command.withSubcommands([status])
)
