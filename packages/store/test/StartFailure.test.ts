/**
 * One line for each reason why a host can't start, from errors as they come.
 */
import * as Postgres from "@daybook/store/Postgres"
import {
  InvalidDatabaseUrl,
  NoPrimary,
  NotMigrated,
  PostgresUnavailable
} from "@daybook/store/PostgresStart"
import { EmbeddedPostgresError } from "@daybook/store/EmbeddedPostgres"
import * as StartFailure from "@daybook/store/StartFailure"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import { SqlClient } from "effect/sql/SqlClient"
import { inspect } from "node:util"

/** Returns the failure of a start with this environment. */
const failureOf = (env: Readonly<Record<string, string>>) =>
  Effect.flip(Effect.sandbox(Effect.scoped(Layer.build(Layer.fresh(Postgres.layer))))).pipe(
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))
  )

/** Returns all forms in which an error may be printed. */
const shown = (cause: Cause.Cause<unknown>): string =>
  [
    Cause.pretty(cause),
    inspect(cause, { depth: 30, showHidden: true }),
    JSON.stringify(cause),
    JSON.stringify(Cause.squash(cause)),
    String(Cause.squash(cause)),
    StartFailure.lineOf(cause)
  ].join("\n")

const PORT = "its port is not a number from 1 to 65535, or there are not as many ports as hosts"

const URL_HELP =
  ": write it as postgres://user:password@host:port/database, with %23 for #, %40 for @, %2F for / and %3F for ? in its parts"
const whole = "it can't be parsed"
const reserved = "a # or @ stands after its host"

describe("A long message", () => {
  it("S16: is shortened in linear time, and without what stands before a host", () => {
    const line = StartFailure.lineOf(new Error("://".repeat(1_000_000)))
    assert.strictEqual(line, `${"://".repeat(199)}:/…`)
    assert.strictEqual(
      StartFailure.lineOf(new Error("see a://b:hunter2@c/d://e@f and g@h, i://j")),
      "see a://f and g@h, i://j"
    )
  })
})

describe("A mistyped DATABASE_URL", () => {
  for (const [url, problem] of [
    ["postgres://shop:hunter2#1@db/shop", whole],
    ["postgres://shop:hunter2/1@db/shop", whole],
    ["postgres://shop:hunter2?1@db/shop", whole],
    ["postgres://shop:4711#hunter2@db/shop", reserved],
    ["postgres://shop:4711/hunter2@db/shop", reserved],
    ["postgres://shop:4711?hunter2@db/shop", reserved],
    ["postgres://shop:hunter2@db/shop#main", reserved],
    ["postgres://shop:hunter2@db:port/shop", whole],
    ["postgres://shop:hunter2@db:70000/shop", whole],
    ["postgres://shop:hunter2@d b/shop", whole],
    ["postgres://shop:hunter2@one:1,two:port/shop", PORT],
    ["postgres://shop:hunter2@one:1,two:70000/shop", PORT],
    ["postgres://shop:hunter2@one,two/shop?port=1,2,3", PORT],
    ["postgres://shop:hunter2@127.0.0.1,::1/shop", PORT],
    ["hunter2", whole],
    ["db=shop password=hunter2", whole],
    ["mysql://shop:hunter2@db/shop", "it does not begin with postgres:// or postgresql://"],
    ["postgres://shop:hunter2@db/shop?port=0", PORT],
    [
      "postgres://shop:hunter2%zz@db/shop",
      "a % in it is not followed by two hexadecimal digits of UTF-8 text"
    ],
    [
      "postgres://shop:x@db/shop?connect_timeout=hunter2",
      "its connect_timeout is not a whole number of seconds"
    ],
    [
      "postgres://shop:x@db/shop?sslmode=hunter2",
      "its sslmode is not disable, allow, prefer, require, verify-ca or verify-full"
    ],
    ["postgres://shop:x@db/shop?prepare=hunter2", "its prepare is neither true nor false"]
  ] as const) {
    it.effect(`S12: is told without its text: ${url}`, () =>
      Effect.gen(function* () {
        const cause = yield* failureOf({ DATABASE_URL: url })
        assert.instanceOf(Cause.squash(cause), InvalidDatabaseUrl)
        assert.strictEqual(
          StartFailure.lineOf(cause),
          `DATABASE_URL is not the URL of a database: ${problem}${URL_HELP}`
        )
        assert.notInclude(shown(cause), "hunter2")
      })
    )
  }

  for (const [parameters, problem] of [
    ["ssl_mode=verify-full", "it has a parameter that is not known: ssl_mode"],
    ["SSLMODE=verify-full", "it has a parameter that is not known: SSLMODE"],
    ["sslmode=verify-full&sslrootcrt=ca", "it has a parameter that is not known: sslrootcrt"],
    ["password=a&hunter2=1", "it has a parameter that is not known"],
    ["password=a&hunter=2", "it has a parameter that is not known"],
    ["hunter2", "it has a parameter that is not known"],
    ["hunter%202=1", "it has a parameter that is not known"],
    ["require_auth=hunter2", "it has a parameter of libpq that is not supported: require_auth"],
    ["sslcrl=hunter2", "it has a parameter of libpq that is not supported: sslcrl"],
    ["channel_binding=require", "it has a parameter whose value is not supported: channel_binding"],
    [
      "target_session_attrs=standby",
      "it has a parameter whose value is not supported: target_session_attrs"
    ],
    [
      "host=one,two&target_session_attrs=any",
      "it has a parameter whose value is not supported: target_session_attrs"
    ],
    ["gssencmode=require", "it has a parameter whose value is not supported: gssencmode"],
    ["sslnegotiation=direct", "it has a parameter whose value is not supported: sslnegotiation"],
    ["ssl=hunter2", "it has a parameter whose value is not supported: ssl"],
    ["sslmode=verify-full&sslmode=disable", "it has a parameter twice: sslmode"],
    ["ssl=true&sslmode=disable", "it has a parameter twice: ssl"],
    [
      "sslrootcert=-----BEGIN%20hunter2",
      "it has a parameter that is not the path of a file: sslrootcert"
    ],
    [
      "sslcert=c&sslkey=-----BEGIN%20PRIVATE%20KEY-----%0Ahunter2",
      "it has a parameter that is not the path of a file: sslkey"
    ],
    ["sslkey=hunter2", "it has one of sslcert and sslkey without the other"],
    [
      "sslmode=prefer&sslrootcert=hunter2",
      "its sslmode verifies too little for a parameter: sslrootcert"
    ],
    [
      "sslmode=disable&sslcert=c&sslkey=k",
      "its sslmode verifies too little for a parameter: sslcert"
    ],
    [
      "sslmode=verify-ca&sslrootcert=system",
      "its sslmode verifies too little for a parameter: sslrootcert"
    ]
  ] as const) {
    it.effect(`S11: is told of a parameter by its name, and without a value: ${parameters}`, () =>
      Effect.gen(function* () {
        const cause = yield* failureOf({
          DATABASE_URL: `postgres://shop:hunter2@db/shop?${parameters}`
        })
        assert.instanceOf(Cause.squash(cause), InvalidDatabaseUrl)
        assert.strictEqual(
          StartFailure.lineOf(cause),
          `DATABASE_URL is not the URL of a database: ${problem}: correct its parameters, as the guide on connecting to PostgreSQL lists them`
        )
        assert.notMatch(shown(cause), /hunter/)
      })
    )
  }

  it.live("that names several hosts is told with the reason of each", () =>
    Effect.gen(function* () {
      for (const [url, places] of [
        ["postgres://shop:hunter2@127.0.0.1:1,127.0.0.1:2/shop", ["127.0.0.1:1", "127.0.0.1:2"]],
        ["postgres://shop:hunter2@[::1]:1,127.0.0.1:2/shop", ["[::1]:1", "127.0.0.1:2"]],
        ["postgres://shop:hunter2@db/shop?host=127.0.0.1,::1&port=1,2", ["127.0.0.1:1", "[::1]:2"]],
        ["postgres://shop@127.0.0.1:1/shop?target_session_attrs=primary", ["127.0.0.1:1"]]
      ] as const) {
        const cause = yield* failureOf({ DATABASE_URL: url })
        const line = StartFailure.lineOf(cause)
        assert.instanceOf(Cause.squash(cause), NoPrimary)
        assert.match(line, /^No primary among /)
        assert.match(line, /: start or promote one of them, or correct the hosts in the URL$/)
        for (const place of places) assert.include(line, `${place} (connect E`)
        assert.notInclude(shown(cause), "hunter2")
      }
    })
  )

  it.effect("given to a client of one's own is reported without its password too", () =>
    Effect.gen(function* () {
      for (const url of [
        "postgres://shop:hunter2#1@db/shop",
        "postgres://shop:x@db/shop?connect_timeout=hunter2"
      ]) {
        const cause = yield* Effect.flip(
          Effect.sandbox(Effect.flatMap(SqlClient, (sql) => sql`SELECT 1`))
        ).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(url) })))
        assert.notInclude(StartFailure.lineOf(cause), "hunter2")
      }
    })
  )

  it.effect("that is not set is named", () =>
    Effect.gen(function* () {
      for (const env of [{}, { DATABASE_URL: "" }]) {
        const line = StartFailure.lineOf(yield* failureOf(env))
        assert.match(line, /^Configuration: .*DATABASE_URL.*: set it, or correct it$/)
      }
      const url = "postgres://shop@db/shop"
      const many = yield* failureOf({ DATABASE_URL: url, DATABASE_MAX_CONNECTIONS: "many" })
      assert.match(StartFailure.lineOf(many), /^Configuration: .*DATABASE_MAX_CONNECTIONS/)
    })
  )
})

const errorWith = (code: string, message: string) => Object.assign(new Error(message), { code })

describe("The line for", () => {
  const cases: ReadonlyArray<readonly [string, unknown, string]> = [
    [
      "an unmigrated schema",
      new NotMigrated({
        schema: "daybook",
        database: "shop",
        found: 6,
        needed: 7,
        migrations: "PostgresMigrations"
      }),
      "Schema daybook of database shop is not migrated: it has migration 6 and this code needs 7: run PostgresMigrations"
    ],
    [
      "a folder in use",
      new EmbeddedPostgresError({
        dataDir: "/srv/shop",
        reason: {
          _tag: "InUse",
          owner: { host: "a", pid: 12, since: "2026-01-01T00:00:00.000Z" },
          lockFile: "/srv/shop/lock"
        }
      }),
      "The embedded database in /srv/shop is in use by process 12 on host a, since 2026-01-01T00:00:00.000Z (/srv/shop/lock): stop that process, or choose another folder"
    ],
    [
      "a folder that can't be written",
      new EmbeddedPostgresError({
        dataDir: "/proc/x",
        reason: { _tag: "Unusable", cause: errorWith("EACCES", "EACCES: permission denied") }
      }),
      "Cannot open the embedded database in /proc/x: EACCES: permission denied: give this user the right to it"
    ],
    [
      "a server that takes only TLS",
      errorWith(
        "28000",
        'no pg_hba.conf entry for host "10.0.0.1", user "shop", database "shop", no encryption'
      ),
      'no pg_hba.conf entry for host "10.0.0.1", user "shop", database "shop", no encryption: add sslmode=require to the URL: the server refuses connections without TLS'
    ],
    [
      "a name that is not known",
      errorWith("ENOTFOUND", "getaddrinfo ENOTFOUND db.invalid"),
      "getaddrinfo ENOTFOUND db.invalid: correct the host in the URL, or the name server"
    ],
    [
      "a name of several addresses",
      new AggregateError([errorWith("ECONNREFUSED", "connect ECONNREFUSED ::1:5432")]),
      "connect ECONNREFUSED ::1:5432: start the server, or correct host and port in the URL"
    ],
    [
      "a port that is taken",
      new Error("Serve", {
        cause: errorWith("EADDRINUSE", "listen EADDRINUSE: address already in use 127.0.0.1:3000")
      }),
      "listen EADDRINUSE: address already in use 127.0.0.1:3000: stop the process that listens there, or choose another port"
    ],
    [
      "an address of another machine",
      errorWith("EADDRNOTAVAIL", "listen EADDRNOTAVAIL: address not available 10.0.0.7:3000"),
      "listen EADDRNOTAVAIL: address not available 10.0.0.7:3000: choose an address of this machine"
    ],
    [
      "a server without room",
      errorWith("53300", "sorry, too many clients already"),
      "sorry, too many clients already: lower DATABASE_MAX_CONNECTIONS of the hosts, raise max_connections of the server, or put a pooler between"
    ],
    [
      "a server that is starting",
      errorWith("57P03", "the database system is starting up"),
      "the database system is starting up: wait until the server is up, and start again"
    ],
    [
      "what is not known",
      new Error("outer", { cause: new Error("the inner one\n  in two lines \u001b[31m") }),
      "the inner one in two lines [31m"
    ],
    ["no error at all", "just text", "just text"],
    [
      "an error that quotes a URL",
      new Error("bad: postgres://shop:hun@ter2@db/shop"),
      "bad: postgres://db/shop"
    ]
  ]
  for (const [name, error, line] of cases) {
    it(`${name} is one line`, () => {
      assert.strictEqual(StartFailure.lineOf(error), line)
      assert.strictEqual(StartFailure.lineOf(Cause.fail(error)), line)
    })
  }

  it("an error that is its own cause, and one without an end, is short", () => {
    const own = new Error("own")
    own.cause = own
    assert.strictEqual(StartFailure.lineOf(own), "own")
    assert.isAtMost(StartFailure.lineOf(new Error("x".repeat(10_000))).length, 600)
  })
})

describe("A report", () => {
  it.effect("is one line at the level error, and the rest at debug", () =>
    Effect.gen(function* () {
      const logged: Array<readonly [string, string]> = []
      const logger = Logger.make(({ logLevel, message }) => {
        logged.push([logLevel, String(message)])
      })
      const server = { host: "db", port: 5432, database: "shop", username: "shop" }
      const host = Effect.scoped(Layer.build(Layer.fresh(Postgres.layer))).pipe(
        StartFailure.report,
        Effect.provide(
          ConfigProvider.layer(
            ConfigProvider.fromEnv({
              env: { DATABASE_URL: "postgres://shop:hunter2@127.0.0.1:1/shop" }
            })
          )
        ),
        Effect.provide(Logger.layer([logger])),
        Effect.provideService(References.MinimumLogLevel, "Debug")
      )
      const error = yield* Effect.flip(host)
      assert.instanceOf(error, PostgresUnavailable)
      assert.deepStrictEqual(error.server, { ...server, host: "127.0.0.1", port: 1 })
      assert.deepStrictEqual(
        logged.map(([level]) => level),
        ["Error", "Debug"]
      )
      assert.strictEqual(
        logged[0]?.[1],
        "Cannot connect to shop at 127.0.0.1:1 as shop: connect ECONNREFUSED 127.0.0.1:1: start the server, or correct host and port in the URL"
      )
      assert.notInclude(JSON.stringify(logged), "hunter2")
      assert.include(logged[1]?.[1], "\n")
    })
  )
})
