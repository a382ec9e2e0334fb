/**
 * The meaning of the TLS parameters of a URL.
 *
 * It is libpq's, and stricter in two places: `require` verifies the server as `verify-full` does,
 * since an unverified server gets the password; and an authority or a certificate of one's own
 * implies `verify-full`.
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Net from "node:net"
import { InvalidDatabaseUrl, type UrlPart } from "../../../PostgresStart.ts"

export type TlsPlan =
  | { readonly _tag: "Off" }
  /** TLS when the server has it, without verification. `isRemote`: others may be in between. */
  | { readonly _tag: "Offered"; readonly isRemote: boolean }
  | {
      readonly _tag: "Required"
      /** True if the certificate must name the host that is connected to. */
      readonly checksHost: boolean
      /** The file of the trusted authorities, which replace Node's. */
      readonly authorities: string | undefined
      readonly client:
        | {
            readonly certificate: string
            readonly key: string
            readonly passphrase: Redacted.Redacted<string> | undefined
          }
        | undefined
    }

const invalid = (part: UrlPart, parameter?: string) =>
  Result.fail(new InvalidDatabaseUrl({ part, parameter }))

const MODES: ReadonlySet<string> = new Set([
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full"
])

const WEAK: ReadonlySet<string> = new Set(["disable", "allow", "prefer"])

const FILES = ["sslrootcert", "sslcert", "sslkey"] as const

export const planTls = (
  parameters: ReadonlyMap<string, string>,
  host: string
): Result.Result<TlsPlan, InvalidDatabaseUrl> => {
  const written = parameters.get("sslmode")
  if (written !== undefined && !MODES.has(written)) return invalid("sslmode")
  const ssl = parameters.get("ssl")
  // As libpq reads the URLs of JDBC.
  if (ssl !== undefined && ssl !== "true") return invalid("unsupported value", "ssl")
  if (ssl !== undefined && written !== undefined) return invalid("repeated parameter", "ssl")
  for (const name of FILES) {
    const path = parameters.get(name)
    // A key that was pasted in place of its path must not appear in a log.
    if (path !== undefined && (path === "" || /-----|[\r\n\0]/.test(path))) {
      return invalid("path", name)
    }
  }
  const own = [...FILES, "sslpassword"].find((name) => parameters.has(name))
  const mode = written ?? (ssl === undefined ? (own === undefined ? "" : "verify-full") : "require")
  if (own !== undefined && WEAK.has(mode)) return invalid("weak sslmode", own)
  const [rootcert, certificate, key] = FILES.map((name) => parameters.get(name))
  if (rootcert === "system" && mode === "verify-ca") return invalid("weak sslmode", "sslrootcert")
  if ((certificate === undefined) !== (key === undefined)) return invalid("half a certificate")
  const passphrase = parameters.get("sslpassword")
  // libpq has no TLS on a Unix socket either.
  if (host.startsWith("/")) return Result.succeed({ _tag: "Off" })
  switch (mode) {
    case "disable":
      return Result.succeed({ _tag: "Off" })
    case "":
      return Result.succeed(
        isLoopback(host) ? { _tag: "Off" } : { _tag: "Offered", isRemote: true }
      )
    case "allow":
    case "prefer":
      return Result.succeed({ _tag: "Offered", isRemote: !isLoopback(host) })
    default:
      return Result.succeed({
        _tag: "Required",
        checksHost: mode !== "verify-ca",
        authorities: rootcert === "system" ? undefined : rootcert,
        client:
          certificate === undefined || key === undefined
            ? undefined
            : {
                certificate,
                key,
                passphrase: passphrase === undefined ? undefined : Redacted.make(passphrase)
              }
      })
  }
}

/** Returns true if traffic to the host stays on the machine. */
const isLoopback = (host: string): boolean =>
  host.toLowerCase() === "localhost" ||
  host === "::1" ||
  (Net.isIPv4(host) && host.startsWith("127."))
