import * as EmbeddedPostgres from "@daybook/store/EmbeddedPostgres"
import * as PostgresRoles from "@daybook/store/PostgresRoles"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { SqlClient } from "effect/sql/SqlClient"
import * as Fs from "node:fs"
import { CONFIG, daybook, FIXTURE } from "./child.ts"
import { on, shop, sqlOn } from "./shop.ts"

const TIMEOUT_MILLIS = 300_000

const folder = Effect.flatMap(FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "daybook-cli-" })
)

it.layer(Layer.merge(PostgresServer.PostgresServer.layer, NodeServices.layer))(
  "the store of a command",
  (it) => {
    it.effect(
      "is that of a context, whose secrets only its user may read",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem
          const file = `${yield* folder}/contexts.json`
          const env = { DAYBOOK_CONTEXTS: file, SHOP_URL: "postgres://shop@127.0.0.1:1/shop" }
          const contexts = (...args: ReadonlyArray<string>) =>
            daybook(["contexts", ...args], { env })
          assert.strictEqual((yield* contexts("add", "east", "--url-from", "SHOP_URL")).status, 0)
          const added = yield* daybook(["contexts", "add", "west", "--url", "-"], {
            env,
            stdin: "postgres://shop:secret@127.0.0.1:1/west\n"
          })
          assert.deepStrictEqual(added, { status: 0, stdout: "", stderr: "" })
          assert.strictEqual((yield* contexts("use", "west")).status, 0)
          assert.strictEqual(
            (yield* contexts()).stdout,
            "   name  store\n   east  $SHOP_URL\n*  west  postgres://127.0.0.1:1/west\n"
          )
          assert.strictEqual((yield* fs.stat(file)).mode & 0o777, 0o600)

          const current = yield* daybook(["streams"], { env })
          assert.include(current.stderr, "west at 127.0.0.1:1 as shop")
          assert.notInclude(current.stderr, "secret")
          assert.strictEqual(current.status, 5)
          const named = yield* daybook(["streams"], { env: { ...env, DAYBOOK_CONTEXT: "east" } })
          assert.include(named.stderr, "shop at 127.0.0.1:1 as shop")
          const unset = yield* daybook(["streams", "--context", "east"], {
            env: { DAYBOOK_CONTEXTS: file }
          })
          assert.strictEqual(
            unset.stderr,
            "daybook: The context east takes its URL from SHOP_URL, which is not set\n"
          )
          const missing = yield* contexts("use", "north")
          assert.deepStrictEqual(
            [missing.status, missing.stderr],
            [4, "daybook: There is no context north: there are east, west\n"]
          )

          yield* fs.chmod(file, 0o644)
          const open = yield* daybook(["streams"], { env })
          assert.strictEqual(open.status, 2)
          assert.include(open.stderr, "its mode 0644 lets other users read it: chmod 600")

          yield* fs.writeFileString(file, '{"contexts":{"east":{"url":["secret"]}}}')
          const broken = yield* daybook(["streams"], { env })
          assert.deepStrictEqual(
            [broken.status, broken.stderr],
            [2, `daybook: ${file} can't be read as the contexts that daybook writes\n`]
          )
        }),
      TIMEOUT_MILLIS
    )

    it.effect(
      "must be named, by one flag, and must exist",
      () =>
        Effect.gen(function* () {
          const none = yield* daybook(["streams"])
          assert.strictEqual(none.status, 2)
          assert.include(none.stderr, "No store is named")
          const two = yield* daybook(["streams", "--data", "x", "--context", "y"])
          assert.strictEqual(
            two.stderr,
            "daybook: --url, --data and --context exclude one another\n"
          )
          const absent = yield* daybook(["streams", "--data", "/none"])
          assert.deepStrictEqual(
            [absent.status, absent.stderr],
            [4, "daybook: There is no embedded database in /none\n"]
          )
        }),
      TIMEOUT_MILLIS
    )

    it.effect(
      "is refused when another process has its folder open",
      () =>
        Effect.gen(function* () {
          const dataDir = yield* folder
          const inUse = yield* Effect.provide(
            daybook(["streams", "--data", dataDir]),
            EmbeddedPostgres.layer({ dataDir })
          )
          assert.strictEqual(inUse.status, 5)
          assert.match(inUse.stderr, /^daybook: [^\n]* is in use by process \d+[^\n]*\n$/)
        }),
      TIMEOUT_MILLIS
    )

    it.effect(
      "is read with a reader's rights, and not changed with them",
      () =>
        Effect.gen(function* () {
          const url = yield* shop
          const owner = PostgresRoles.RoleName.make("cli_owner")
          const writer = PostgresRoles.RoleName.make("cli_writer")
          const reader = PostgresRoles.RoleName.make("cli_reader")
          const login = "cli_login"
          yield* Effect.acquireRelease(
            on(
              url,
              Effect.gen(function* () {
                const sql = yield* SqlClient
                yield* PostgresRoles.grant({ owner, writer, reader })
                yield* sql.unsafe(`CREATE ROLE ${login} LOGIN PASSWORD 'p' IN ROLE ${reader}`)
              })
            ),
            () =>
              Effect.forEach(
                ["DROP OWNED BY % CASCADE", "DROP ROLE %"],
                (statement) =>
                  sqlOn(url, statement.replace("%", [login, owner, writer, reader].join(", "))),
                { discard: true }
              ).pipe(Effect.orDie)
          )
          const as = new URL(url)
          as.username = login
          as.password = "p"
          const env = { DATABASE_URL: as.href }
          const read = yield* daybook(["streams", "-q"], { env })
          assert.deepStrictEqual(
            [read.status, read.stdout],
            [0, "order-ada\norder-alan\norder-hedy\n"]
          )
          const exported = yield* daybook(["export"], { env })
          assert.deepStrictEqual(exported, {
            status: 0,
            stdout: Fs.readFileSync(FIXTURE, "utf8"),
            stderr: ""
          })
          const verified = yield* daybook(["verify", "--config", CONFIG, "-o", "plain"], { env })
          assert.strictEqual(verified.status, 0)
          assert.include(verified.stdout, "well\tdecoding\t20 events decode\n")
          assert.match(
            verified.stdout,
            /not checked\tread models\t[^\n]*may not use schema read_models/
          )
          const examined = yield* daybook(["doctor", "-o", "plain"], { env })
          assert.include(examined.stdout, `well\trights\t${login} may read\n`)
          assert.include(examined.stdout, "not checked\tlong transactions\tthose of other logins")
          const imported = yield* daybook(["import", FIXTURE], { env })
          assert.strictEqual(imported.status, 6)
          assert.match(imported.stderr, /^daybook: [^\n]*permission denied[^\n]*\n$/)
          const migrated = yield* daybook(["migrate"], { env })
          assert.strictEqual(migrated.status, 6)
          as.password = "wrong"
          const refused = yield* daybook(["streams"], { env: { DATABASE_URL: as.href } })
          assert.strictEqual(refused.status, 6)
        }),
      TIMEOUT_MILLIS
    )

    it.effect(
      "is migrated, after a dry run that changes nothing",
      () =>
        Effect.gen(function* () {
          const env = { DATABASE_URL: Redacted.value(yield* PostgresServer.freshDatabase) }
          const migrate = (...args: ReadonlyArray<string>) =>
            daybook(["migrate", ...args, "-o", "plain"], { env })
          const pending =
            "log\tpending\tmigration 0 of 1 ran\n" +
            "read models\tpending\tmigration 0 of 1 ran\n" +
            "reactors\tpending\tmigration 0 of 3 ran\n"
          assert.deepStrictEqual(yield* migrate("status"), {
            status: 3,
            stdout: pending,
            stderr: "daybook: Not migrated: log, read models, reactors\n"
          })
          assert.strictEqual((yield* migrate("--dry-run")).stdout, pending)
          assert.strictEqual((yield* migrate("status")).status, 3)
          assert.include((yield* migrate()).stdout, "log\tmigrated\t1 log\n")
          assert.strictEqual((yield* migrate("status")).status, 0)
          yield* sqlOn(env.DATABASE_URL, "DROP FUNCTION daybook.position_at")
          assert.include(
            (yield* migrate("--dry-run")).stdout,
            "log\tpending\tfunctions to replace: position_at"
          )
        }),
      TIMEOUT_MILLIS
    )
  }
)
