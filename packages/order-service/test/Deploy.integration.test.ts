/**
 * A deploy as `deploy/compose.yaml` describes it, without containers: the roles of
 * `deploy/postgres/roles.sql` on a server, the step that migrates, and two hosts by the command of
 * the image, each with a login of its own that may do no more than it needs.
 */
import type { OrderCommand } from "@daybook/order/OrderCommand"
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as process from "node:process"

const ROOT = Path.join(import.meta.dirname, "../../..")
const read = (file: string) => Fs.readFileSync(Path.join(ROOT, file), "utf8")

/** The statements of the file as psql sends them, each password being the name of its variable. */
const statements = read("deploy/postgres/roles.sql")
  .replaceAll(/^(--|\\getenv).*\n/gm, "")
  .replaceAll(/:'(\w+)'/g, "'$1'")
  .split(";\n")
  .filter((statement) => statement.trim() !== "")

/** The arguments of the image's command, on a port of this machine that is free. */
const start = (
  JSON.parse(/^CMD (.*)$/m.exec(read("deploy/Dockerfile"))?.[1] ?? "") as Array<string>
)
  .slice(1)
  .map((argument) => ({ "0.0.0.0": "127.0.0.1", "3000": "0" })[argument] ?? argument)

/** Returns the URL of the database `shop`, for a login with its password. */
const urlOf = (login?: string) =>
  PostgresServer.PostgresServer.use(({ url }) => {
    const changed = new URL(Redacted.value(url))
    changed.pathname = "/shop"
    if (login !== undefined) {
      changed.username = login
      changed.password = `${login}_password`
    }
    return Effect.succeed(Redacted.make(changed.href))
  })

const connect = (login?: string) =>
  Effect.flatMap(urlOf(login), (url) => PgClient.make({ url, maxConnections: 2 }))

/** The arguments of the command by which the image is asked whether it lives, for an address. */
const asking = (address: string) =>
  (
    JSON.parse(
      (/^HEALTHCHECK .*CMD (.*)$/m.exec(read("deploy/Dockerfile"))?.[1] ?? "").replace(
        "http://127.0.0.1:3000",
        address
      )
    ) as Array<string>
  ).slice(1)

const TOKEN = "a-token-of-this-test-alone-0123456789"

/** Runs a program of the repository for a login, with nothing else of this environment. */
const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, login: string) {
  const url = Redacted.value(yield* urlOf(login))
  return yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, args, {
        cwd: ROOT,
        env: { DATABASE_URL: url, DAYBOOK_TOKENS: `priya command,read ${TOKEN}` },
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
})

const ended = (child: ChildProcess) =>
  Effect.promise(async () =>
    child.exitCode === null
      ? await new Promise<number | null>((resolve) => child.once("exit", resolve))
      : child.exitCode
  )

/** Starts a host, and returns it with its address as soon as it tells that. */
const host = Effect.fnUntraced(function* (login: string) {
  const child = yield* run(start, login)
  const address = yield* Effect.promise(
    () =>
      new Promise<string>((resolve, reject) => {
        let out = ""
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          out += text
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(out)
          if (found !== null) resolve(found[0])
        })
        child.once("exit", () => reject(new Error(`the host of ${login} has ended: ${out}`)))
      })
  )
  const request = (path: string, init?: { readonly headers: object; readonly body: string }) =>
    Effect.promise(async () => {
      const answer = await fetch(`${address}${path}`, {
        ...(init === undefined ? {} : { method: "POST", body: init.body }),
        headers: { authorization: `Bearer ${TOKEN}`, ...init?.headers }
      })
      const json: unknown = await answer.json()
      return { status: answer.status, json }
    })
  return { address, child, request }
})

it.live(
  "serves from two hosts that may not migrate",
  () =>
    Effect.gen(function* () {
      const { url } = yield* PostgresServer.PostgresServer
      const server = yield* PgClient.make({ url, maxConnections: 1 })
      yield* server`CREATE DATABASE shop`
      const superuser = yield* connect()
      for (const statement of statements) yield* superuser.unsafe(statement)

      for (const _ of ["at first", "again"]) {
        const migrate = yield* run(["packages/order-service/src/migrate.ts"], "deployer")
        assert.strictEqual(yield* ended(migrate), 0)
      }

      const [one, two] = [yield* host("shop_1"), yield* host("shop_2")]
      const send = (command: OrderCommand) =>
        one.request("/orders/1/commands", {
          headers: { "content-type": "application/json", "idempotency-key": command._tag },
          body: JSON.stringify(command)
        })
      const created = yield* send({ _tag: "CreateOrder", customerId: "ada", currency: "EUR" })
      assert.strictEqual(created.status, 200)
      const { position } = created.json as { readonly position: string }
      const summaries = yield* two.request(`/order-summaries?after=${position}`)
      const { rows } = summaries.json as { readonly rows: ReadonlyArray<{ orderId: string }> }
      assert.deepStrictEqual(
        rows.map(({ orderId }) => orderId),
        ["1"]
      )
      yield* send({
        _tag: "AddItem",
        productId: "mug",
        name: "Mug",
        quantity: 1,
        unitPrice: { currency: "EUR", minor: 450 }
      })
      assert.strictEqual((yield* send({ _tag: "ConfirmOrder" })).status, 200)
      // The process of the order asks for its payment, on the host that has its slot.
      yield* Effect.repeat(two.request("/payments/1"), {
        until: ({ json, status }) =>
          status === 200 &&
          (json as { readonly state: { readonly _tag: string } }).state._tag === "Requested"
      })
      for (const { address, child, request } of [one, two]) {
        assert.strictEqual(yield* ended(yield* run(asking(address), "shop_1")), 0)
        const ready = yield* request("/health/ready")
        assert.deepStrictEqual(ready, {
          status: 200,
          json: {
            status: "ready",
            checks: [
              { name: "store", status: "pass" },
              { name: "migrations", status: "pass" },
              { name: "read-model-migrations", status: "pass" },
              { name: "reactor-migrations", status: "pass" }
            ]
          }
        })
        // The first measurement may still be on its way.
        const metrics = yield* Effect.promise(async () =>
          (await fetch(`${address}/metrics`)).text()
        ).pipe(
          Effect.repeat({
            until: (text) => text.includes('daybook_projection_state{projection="order_summary"')
          })
        )
        assert.match(metrics, /route="\/(orders\/:id\/commands|order-summaries)",status="2xx"/)
        child.kill("SIGTERM")
        assert.strictEqual(yield* ended(child), 0)
      }

      const login = yield* connect("shop_1")
      for (const statement of [
        "UPDATE daybook.events SET type = 'Forged'",
        "INSERT INTO daybook.migrations VALUES (99, now(), 'forged')",
        "INSERT INTO reactors.migrations VALUES (99, now(), 'forged')",
        "UPDATE reactors.acts SET actor = 'forged'",
        "DROP TABLE reactors.groups",
        "CREATE TABLE daybook.mine ()",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine ()"
      ]) {
        const refused = yield* Effect.flip(login.unsafe(statement))
        assert.strictEqual(refused.reason._tag, "AuthorizationError", statement)
      }
    }).pipe(
      Effect.provide(Layer.merge(PostgresServer.PostgresServer.layerEmbedded, Reactivity.layer))
    ),
  240_000
)
