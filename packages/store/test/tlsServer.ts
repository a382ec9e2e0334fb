/**
 * A server with TLS, certificates of an authority of its own, and a server in the middle that asks
 * for passwords.
 */
import * as PostgresServer from "@daybook/testing/PostgresServer"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Tls from "node:tls"

export const newFolder = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "daybook-tls-"))),
  (folder) => Effect.promise(() => Fs.rm(folder, { recursive: true, force: true }))
)

export interface Certificate {
  readonly certificate: string
  readonly key: string
}

const openssl = (args: ReadonlyArray<string>): void => {
  execFileSync("openssl", args, { stdio: "pipe" })
}

/**
 * Makes a certificate for `name`, signed by `by` or, for an authority, by itself. Its key is
 * encrypted if there is a `passphrase`.
 */
export const certify = (
  folder: string,
  name: string,
  options: { readonly by?: Certificate; readonly passphrase?: string } = {}
): Certificate => {
  const made = {
    certificate: Path.join(folder, `${name}.pem`),
    key: Path.join(folder, `${name}.key`)
  }
  const key =
    options.passphrase === undefined ? ["-nodes"] : ["-passout", `pass:${options.passphrase}`]
  const signer =
    options.by === undefined
      ? []
      : ["-CA", options.by.certificate, "-CAkey", options.by.key].concat(
          ["-addext", `subjectAltName=DNS:${name}`],
          ["-addext", "basicConstraints=CA:FALSE"]
        )
  openssl(
    ["req", "-x509", "-days", "2", "-subj", `/CN=${name}`].concat(
      ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ["-keyout", made.key, "-out", made.certificate],
      key,
      signer
    )
  )
  return made
}

export const clientOf = (url: Redacted.Redacted<string>) =>
  Effect.map(Layer.build(Layer.fresh(PgClient.layer({ url, maxConnections: 1 }))), (context) =>
    Context.get(context, PgClient.PgClient)
  )

/**
 * Starts a server for `localhost` whose certificates `authority` signs; `certified` logs in with a
 * certificate alone.
 */
export const start = Effect.gen(function* () {
  const folder = yield* newFolder
  const authority = certify(folder, "authority")
  const own = certify(folder, "localhost", { by: authority })
  const server = yield* PostgresServer.restartable
  yield* Effect.scoped(
    Effect.gen(function* () {
      const sql = yield* clientOf(server.url)
      const [place] = yield* sql<{ readonly data: string; readonly hba: string }>`
        SELECT current_setting('data_directory') AS data, current_setting('hba_file') AS hba`
      const data = place?.data ?? ""
      yield* sql`CREATE ROLE certified LOGIN`
      for (const [name, value] of [
        ["ssl", "on"],
        ["ssl_cert_file", "own.pem"],
        ["ssl_key_file", "own.key"],
        ["ssl_ca_file", "authority.pem"]
      ] as const) {
        yield* sql.unsafe(`ALTER SYSTEM SET ${name} = '${value}'`)
      }
      yield* Effect.promise(async () => {
        const { gid, uid } = await Fs.stat(data)
        for (const [from, name] of [
          [own.certificate, "own.pem"],
          [own.key, "own.key"],
          [authority.certificate, "authority.pem"]
        ] as const) {
          const to = Path.join(data, name)
          await Fs.copyFile(from, to)
          await Fs.chmod(to, 0o600)
          await Fs.chown(to, uid, gid)
        }
        const rules = await Fs.readFile(place?.hba ?? "", "utf8")
        await Fs.writeFile(place?.hba ?? "", `hostssl all certified all cert\n${rules}`)
      })
    })
  )
  yield* server.stop("fast")
  yield* server.start
  return { url: server.url, folder, authority }
})

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const ASKS_FOR_PASSWORD = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])

/**
 * Accepts connections like a server, with a certificate or without TLS, and asks for the password
 * in clear text.
 */
export const inTheMiddle = Effect.fnUntraced(function* (certificate?: Certificate) {
  const heard: Array<Buffer> = []
  const listen = (socket: Net.Socket) => {
    socket.on("error", () => {})
    socket.on("data", (bytes: Buffer) => {
      heard.push(bytes)
      socket.write(ASKS_FOR_PASSWORD)
    })
  }
  const context =
    certificate === undefined
      ? undefined
      : Tls.createSecureContext({
          cert: yield* Effect.promise(() => Fs.readFile(certificate.certificate)),
          key: yield* Effect.promise(() => Fs.readFile(certificate.key))
        })
  const open = new Set<Net.Socket>()
  const server = Net.createServer((socket) => {
    open.add(socket)
    socket.on("error", () => {})
    socket.once("data", (bytes: Buffer) => {
      if (!bytes.equals(SSL_REQUEST)) {
        heard.push(bytes)
        socket.write(ASKS_FOR_PASSWORD)
        return listen(socket)
      }
      socket.write(context === undefined ? "N" : "S")
      if (context === undefined) listen(socket)
      else listen(new Tls.TLSSocket(socket, { isServer: true, secureContext: context }))
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "0.0.0.0", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of open) socket.destroy()
      })
  )
  const address = server.address()
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    heard: () => Buffer.concat(heard).toString("latin1")
  }
})
