/**
 * Reads the files of a connection's TLS, when the client is made.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { SqlError } from "effect/sql/SqlError"
import { X509Certificate } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as process from "node:process"
import type { ConnectionOptions } from "node:tls"
import * as Tls from "node:tls"
import { CertificateUnusable } from "../../../PostgresStart.ts"
import type { TlsPlan } from "./tlsPlan.ts"

type Required = Extract<TlsPlan, { readonly _tag: "Required" }>

/** Encrypts without checking the server, as libpq does where TLS is only preferred. */
export const unverified: ConnectionOptions = { rejectUnauthorized: false }

/**
 * Makes options that verify the server. A context hides its keys: printing the configuration of a
 * client shows none.
 */
export const verified = Effect.fnUntraced(function* ({
  authorities,
  checksHost,
  client
}: Required): Effect.fn.Return<ConnectionOptions, CertificateUnusable> {
  const ca =
    authorities === undefined
      ? undefined
      : yield* attempt("sslrootcert", authorities, async () => {
          const text = await Fs.readFile(authorities, "utf8")
          // Throws if the file has no certificate: Node ignores such a file, and would trust no
          // server.
          void new X509Certificate(text)
          return text
        })
  const certificate =
    client === undefined
      ? undefined
      : yield* attempt("sslcert", client.certificate, async () => {
          const cert = await Fs.readFile(client.certificate, "utf8")
          Tls.createSecureContext({ cert })
          return cert
        })
  const secureContext = yield* attempt("sslkey", client?.key ?? "", async () => {
    if (client === undefined) return Tls.createSecureContext({ ca })
    await refuseOpenKey(client.key)
    return Tls.createSecureContext({
      ca,
      cert: certificate,
      key: await Fs.readFile(client.key, "utf8"),
      passphrase: client.passphrase === undefined ? undefined : Redacted.value(client.passphrase)
    })
  })
  return {
    secureContext,
    rejectUnauthorized: true,
    checkServerIdentity: checksHost ? identityOf : () => undefined
  }
})

/**
 * Checks the host without Node's error, which holds the certificates: these refer to themselves, so
 * that no logger could write it as JSON.
 */
const identityOf: typeof Tls.checkServerIdentity = (host, certificate) => {
  const error = Tls.checkServerIdentity(host, certificate)
  return error === undefined
    ? undefined
    : Object.assign(new Error(error.message), { code: "ERR_TLS_CERT_ALTNAME_INVALID" })
}

/** Returns true if the server answered that it has no TLS. The client has no code for it. */
export const isWithoutTls = (error: SqlError): boolean =>
  error.reason.cause instanceof Error &&
  error.reason.cause.message === "The server does not support TLS"

const attempt = <A>(
  parameter: CertificateUnusable["parameter"],
  path: string,
  run: () => Promise<A>
): Effect.Effect<A, CertificateUnusable> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new CertificateUnusable({ parameter, path, cause })
  })

/**
 * Throws if other users may read the key. The rule is libpq's: 0600 or less, or 0640 or less if
 * root owns the key.
 */
const refuseOpenKey = async (path: string): Promise<void> => {
  const user = process.geteuid?.()
  if (user === undefined) return
  const { mode, uid } = await Fs.stat(path)
  const others = uid === 0 ? 0o037 : 0o077
  if ((mode & others) === 0) return
  const found = (mode & 0o777).toString(8).padStart(4, "0")
  throw new Error(`mode ${found} lets other users read the key`)
}
