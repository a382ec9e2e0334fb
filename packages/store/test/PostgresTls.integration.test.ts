/**
 * S11: the TLS parameters of a URL, on a server with a private authority.
 */
import * as Postgres from "@daybook/store/Postgres"
import { CertificateUnusable, NoPrimary, PostgresUnavailable } from "@daybook/store/PostgresStart"
import * as StartFailure from "@daybook/store/StartFailure"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, layer } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { inspect } from "node:util"
import * as TlsServer from "./tlsServer.ts"

class Server extends Context.Service<Server, Effect.Success<typeof TlsServer.start>>()(
  "@daybook/store/test/TlsServer"
) {}

/**
 * Opens a connection with the parameters, and returns its TLS, its user, the log lines and the
 * configuration.
 */
const open = Effect.fnUntraced(function* (
  parameters: Readonly<Record<string, string>>,
  edit: (url: URL) => void = () => {}
) {
  const url = new URL(Redacted.value((yield* Server).url))
  url.hostname = "localhost"
  edit(url)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  const logged: Array<string> = []
  const context = yield* Layer.build(
    Layer.fresh(Postgres.layerOf({ url: Redacted.make(url.href), maxConnections: 1 }))
  ).pipe(Effect.provide(Logger.layer([Logger.make(({ message }) => logged.push(String(message)))])))
  const sql = Context.get(context, PgClient.PgClient)
  const [session] = yield* sql<{ readonly ssl: boolean; readonly name: string }>`
    SELECT ssl, current_user::text AS name FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
  return { ...session, logged, config: sql.config }
}, Effect.scoped)

const refused = (...args: Parameters<typeof open>) =>
  Effect.map(Effect.flip(Effect.sandbox(open(...args))), (cause) => ({
    error: Cause.squash(cause),
    line: StartFailure.lineOf(cause),
    shown: [
      Cause.pretty(cause),
      inspect(cause, { depth: 30, showHidden: true }),
      JSON.stringify(cause)
    ].join("\n")
  }))

/** A host whose name is not the machine's own, although it is. */
const elsewhere = (url: URL) => void (url.hostname = "0.0.0.0")

layer(Layer.effect(Server, TlsServer.start), { timeout: 120_000, excludeTestServices: true })(
  "S11: Postgres.layer",
  (it) => {
    it.effect("trusts a private authority that the URL names, and no other server", () =>
      Effect.gen(function* () {
        const { authority, folder } = yield* Server
        const sslrootcert = authority.certificate
        for (const parameters of [
          { sslrootcert },
          { sslrootcert, sslmode: "require" },
          { sslrootcert, sslmode: "verify-ca" },
          { sslrootcert, sslmode: "verify-full" }
        ]) {
          const { logged, ssl } = yield* open(parameters)
          assert.deepStrictEqual([ssl, logged], [true, []])
        }
        const other = TlsServer.certify(folder, "other").certificate
        for (const parameters of [
          { ssl: "true" },
          { sslmode: "require" },
          { sslmode: "verify-ca" },
          { sslmode: "verify-full" },
          { sslrootcert: "system" },
          { sslrootcert: other, sslmode: "verify-ca" }
        ]) {
          const { error, line } = yield* refused(parameters)
          assert.instanceOf(error, PostgresUnavailable)
          assert.match(line, /certificate.*: let the host trust the server's certificate/)
        }
      })
    )

    it.effect("refuses a server of another name under verify-full, and not under verify-ca", () =>
      Effect.gen(function* () {
        const sslrootcert = (yield* Server).authority.certificate
        const byAddress = (url: URL) => void (url.hostname = "127.0.0.1")
        for (const sslmode of ["require", "verify-full"]) {
          const { line } = yield* refused({ sslrootcert, sslmode }, byAddress)
          assert.include(line, "IP: 127.0.0.1 is not in the cert's list")
        }
        assert.isTrue((yield* open({ sslrootcert, sslmode: "verify-ca" }, byAddress)).ssl)
      })
    )

    it.effect(
      "logs in by a client certificate, whose key and passphrase no form of an error holds",
      () =>
        Effect.gen(function* () {
          const { authority, folder } = yield* Server
          const passphrase = "hunter2"
          const plain = TlsServer.certify(folder, "certified", { by: authority })
          const locked = yield* Effect.map(TlsServer.newFolder, (own) =>
            TlsServer.certify(own, "certified", { by: authority, passphrase })
          )
          const as = (url: URL) => {
            url.username = "certified"
            url.password = ""
          }
          const sslrootcert = authority.certificate
          const by = ({ certificate, key }: TlsServer.Certificate) => ({
            sslrootcert,
            sslcert: certificate,
            sslkey: key
          })
          const one = yield* open(by(plain), as)
          assert.strictEqual(one.name, "certified")
          const two = yield* open({ ...by(locked), sslpassword: passphrase }, as)
          assert.strictEqual(two.name, "certified")
          const secrets = [
            passphrase,
            "PRIVATE KEY",
            (yield* Effect.promise(() => Fs.readFile(plain.key, "utf8"))).slice(40, 80)
          ]
          const shown = [inspect(one.config, { depth: 30 }), inspect(two.config, { depth: 30 })]

          const without = yield* refused({ sslrootcert }, as)
          assert.include(without.line, "connection requires a valid client certificate")
          const readable = Path.join(folder, "readable.key")
          yield* Effect.promise(() => Fs.copyFile(plain.key, readable))
          yield* Effect.promise(() => Fs.chmod(readable, 0o644))
          for (const [parameters, parameter, problem] of [
            [{ ...by(locked), sslpassword: "hunter3" }, "sslkey", "bad decrypt"],
            [by(locked), "sslkey", ""],
            [{ ...by(plain), sslkey: authority.key }, "sslkey", "key values mismatch"],
            [
              { ...by(plain), sslkey: readable },
              "sslkey",
              "mode 0644 lets other users read the key"
            ],
            [{ ...by(plain), sslkey: `${plain.key}.no` }, "sslkey", "ENOENT"],
            [{ ...by(plain), sslcert: plain.key }, "sslcert", ""],
            [{ sslrootcert: plain.key }, "sslrootcert", ""],
            [{ sslrootcert: `${plain.key}.no` }, "sslrootcert", "ENOENT"]
          ] as const) {
            const failure = yield* refused(parameters, as)
            assert.instanceOf(failure.error, CertificateUnusable)
            assert.strictEqual(failure.error.parameter, parameter)
            assert.include(failure.line, `the ${parameter} of DATABASE_URL: `)
            assert.include(failure.line, problem)
            shown.push(failure.line, failure.shown)
          }
          for (const secret of [...secrets, "hunter3"]) assert.notInclude(shown.join("\n"), secret)
        }).pipe(Effect.scoped)
    )

    it.effect("gives no password to a server in the middle where TLS is asked for", () =>
      Effect.gen(function* () {
        const { authority, folder } = yield* Server
        const sslrootcert = authority.certificate
        const forged = TlsServer.certify(folder, "forged")
        for (const certificate of [undefined, TlsServer.certify(folder, "localhost"), forged]) {
          const middle = yield* TlsServer.inTheMiddle(certificate)
          const there = (url: URL) => {
            url.hostname = "localhost"
            url.port = String(middle.port)
            url.username = "shop"
            url.password = "hunter2"
          }
          for (const parameters of [
            { sslrootcert },
            { sslmode: "require" },
            { sslmode: "require", sslrootcert },
            { sslmode: "verify-ca", sslrootcert },
            { sslmode: "verify-full", sslrootcert },
            { sslrootcert: "system" }
          ]) {
            assert.instanceOf((yield* refused(parameters, there)).error, PostgresUnavailable)
          }
          assert.strictEqual(middle.heard(), "")
          // The twin, without which the test proves nothing: here the password is given away.
          yield* refused({ sslmode: "prefer", connect_timeout: "1" }, there)
          assert.include(middle.heard(), "hunter2")
        }
      }).pipe(Effect.scoped)
    )

    it.effect(
      "verifies each of several servers by its own name, and asks for its certificate",
      () =>
        Effect.gen(function* () {
          const { authority, folder } = yield* Server
          const sslrootcert = authority.certificate
          const both = (url: URL) => {
            url.searchParams.set("host", "127.0.0.1,localhost")
          }
          for (const parameters of [{ sslrootcert }, { sslrootcert, sslmode: "verify-ca" }]) {
            const { logged, ssl } = yield* open(parameters, both)
            assert.deepStrictEqual([ssl, logged], [true, []])
          }
          const { error, line } = yield* refused({ sslrootcert }, (url) => {
            url.searchParams.set("host", "127.0.0.1,0.0.0.0")
          })
          assert.instanceOf(error, NoPrimary)
          assert.include(line, "IP: 127.0.0.1 is not in the cert's list")
          assert.include(line, "IP: 0.0.0.0 is not in the cert's list")
          const own = TlsServer.certify(folder, "certified", { by: authority })
          const one = yield* open(
            { sslrootcert, sslcert: own.certificate, sslkey: own.key },
            (url) => {
              both(url)
              url.username = "certified"
              url.password = ""
            }
          )
          assert.strictEqual(one.name, "certified")
          const offered = yield* open({ sslmode: "prefer" }, (url) => {
            url.searchParams.set("host", "0.0.0.0,localhost")
          })
          assert.isTrue(offered.ssl)
          assert.match(
            offered.logged.join(),
            /at 0\.0\.0\.0:\d+ as daybook is encrypted if the server can for a server that is not/
          )
        })
    )

    it.effect("cancels a statement in a session that follows the primary, under TLS", () =>
      Effect.gen(function* () {
        const sslrootcert = (yield* Server).authority.certificate
        const url = new URL(Redacted.value((yield* Server).url))
        url.hostname = "localhost"
        url.searchParams.set("sslrootcert", sslrootcert)
        url.searchParams.set("target_session_attrs", "read-write")
        const context = yield* Layer.build(
          Layer.fresh(Postgres.layerOf({ url: Redacted.make(url.href), maxConnections: 2 }))
        )
        const sql = Context.get(context, PgClient.PgClient)
        const sleeping = sql<{ readonly count: number }>`
          SELECT count(*)::int AS count FROM pg_stat_activity
          WHERE query LIKE '%pg_sleep(600)%' AND state = 'active' AND pid <> pg_backend_pid()`
        const until = (count: number) =>
          Effect.repeat(sleeping, { until: ([row]) => row?.count === count })
        const fiber = yield* Effect.forkScoped(sql`SELECT pg_sleep(600)`)
        yield* until(1)
        yield* Fiber.interrupt(fiber)
        yield* until(0)
      }).pipe(Effect.scoped)
    )

    it.effect(
      "encrypts off the machine where the server can, and warns where it is not verified",
      () =>
        Effect.gen(function* () {
          const { authority } = yield* Server
          for (const parameters of [{}, { sslmode: "prefer" }, { sslmode: "allow" }]) {
            const { logged, ssl } = yield* open(parameters, elsewhere)
            assert.isTrue(ssl)
            assert.lengthOf(logged, 1)
            assert.match(
              logged[0] ?? "",
              /^The connection to postgres at 0\.0\.0\.0:\d+ as daybook is encrypted for a server that is not verified: .*Add sslmode=verify-full/
            )
          }
          const ca = { sslmode: "verify-ca", sslrootcert: authority.certificate }
          const verified = yield* open(ca, elsewhere)
          assert.deepStrictEqual([verified.ssl, verified.logged], [true, []])
          // With trust in the network, and on the machine itself.
          for (const [parameters, edit, encrypted] of [
            [{ sslmode: "disable" }, elsewhere, false],
            [{}, () => {}, false],
            [{ sslmode: "prefer" }, () => {}, true]
          ] as const) {
            const { logged, ssl } = yield* open(parameters, edit)
            assert.deepStrictEqual([ssl, logged], [encrypted, []])
          }
        })
    )
  }
)
