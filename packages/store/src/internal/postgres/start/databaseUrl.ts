/**
 * Reads the URL of a database before the client does. The client's errors quote a wrong URL,
 * password included, and it ignores unknown parameters, so that a misspelt `sslmode` would connect
 * unencrypted.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidDatabaseUrl, type Server, type UrlPart } from "../../../PostgresStart.ts"
import { planTls, type TlsPlan } from "./tlsPlan.ts"

export interface DatabaseUrl {
  readonly server: Server
  readonly password: Redacted.Redacted<string> | undefined
  readonly applicationName: string | undefined
  readonly startupOptions: string | undefined
  readonly connectTimeout: Duration.Duration | undefined
  /**
   * True if the URL asks for prepared statements, undefined if it does not say. The client and
   * libpq have no such parameter.
   */
  readonly prepare: boolean | undefined
  readonly tls: TlsPlan
}

const KNOWN: ReadonlySet<string> = new Set([
  "host",
  "port",
  "dbname",
  "user",
  "password",
  "application_name",
  "options",
  "connect_timeout",
  "prepare",
  "ssl",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslpassword",
  "channel_binding",
  "gssencmode",
  "sslnegotiation",
  "target_session_attrs"
])

/**
 * Parameters of libpq that the client can't honour: their names are no secret, wherever they stand.
 */
const UNSUPPORTED: ReadonlySet<string> = new Set([
  "client_encoding",
  "fallback_application_name",
  "gssdelegation",
  "gsslib",
  "hostaddr",
  "keepalives",
  "keepalives_count",
  "keepalives_idle",
  "keepalives_interval",
  "krbsrvname",
  "load_balance_hosts",
  "max_protocol_version",
  "min_protocol_version",
  "passfile",
  "replication",
  "require_auth",
  "requirepeer",
  "requiressl",
  "service",
  "ssl_max_protocol_version",
  "ssl_min_protocol_version",
  "sslcertmode",
  "sslcompression",
  "sslcrl",
  "sslcrldir",
  "sslkeylogfile",
  "sslsni",
  "tcp_user_timeout"
])

/** Parameters of which only the values that ask nothing of the client can be honoured. */
const HONOURED: Readonly<Record<string, ReadonlySet<string>>> = {
  channel_binding: new Set(["prefer", "disable"]),
  gssencmode: new Set(["prefer", "disable"]),
  sslnegotiation: new Set(["postgres"]),
  target_session_attrs: new Set(["any"])
}

const invalid = (part: UrlPart, parameter?: string) =>
  Result.fail(new InvalidDatabaseUrl({ part, parameter }))

export const parse = (raw: string): Result.Result<DatabaseUrl, InvalidDatabaseUrl> => {
  if (!URL.canParse(raw)) {
    // A password with an unescaped # or / ends where the port should be.
    return invalid(/^postgres(ql)?:\/\//.test(raw) || !raw.includes("://") ? "whole" : "protocol")
  }
  const url = new URL(raw)
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") return invalid("protocol")
  // If a password begins with digits, the text after its # or / looks like a path: the host would
  // be the user.
  if (`${url.pathname}${url.search}`.includes("@") || url.hash !== "" || raw.includes("#")) {
    return invalid("reserved character")
  }
  const texts = [url.hostname, url.username, url.password, url.pathname].map(decoded)
  const [host, username, password, path] = texts
  if (
    host === undefined ||
    username === undefined ||
    password === undefined ||
    path === undefined
  ) {
    return invalid("percent-encoding")
  }
  const read = parametersOf(url.search.slice(1))
  if (Result.isFailure(read)) return Result.fail(read.failure)
  const parameters = read.success
  const port = Number(parameters.get("port") ?? (url.port === "" ? "5432" : url.port))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return invalid("port")
  const seconds = parameters.get("connect_timeout")
  if (seconds !== undefined && !/^\d{1,6}$/.test(seconds)) return invalid("connect_timeout")
  const prepare = parameters.get("prepare")
  if (prepare !== undefined && prepare !== "true" && prepare !== "false") return invalid("prepare")
  const server: Server = {
    host: parameters.get("host") ?? (host === "" ? "localhost" : host.replace(/^\[(.*)\]$/, "$1")),
    port,
    database: parameters.get("dbname") ?? (path.slice(1) === "" ? undefined : path.slice(1)),
    username: parameters.get("user") ?? (username === "" ? undefined : username)
  }
  if (server.host.includes(",")) return invalid("several hosts")
  const secret = parameters.get("password") ?? (password === "" ? undefined : password)
  return Result.map(planTls(parameters, server.host), (tls) => ({
    server,
    password: secret === undefined ? undefined : Redacted.make(secret),
    applicationName: parameters.get("application_name"),
    startupOptions: parameters.get("options"),
    connectTimeout:
      seconds === undefined
        ? undefined
        : Number(seconds) === 0
          ? Duration.infinity
          : Duration.seconds(Number(seconds)),
    prepare: prepare === undefined ? undefined : prepare === "true",
    tls
  }))
}

const parametersOf = (
  query: string
): Result.Result<ReadonlyMap<string, string>, InvalidDatabaseUrl> => {
  const parameters = new Map<string, string>()
  let followsSecret = false
  for (const pair of query === "" ? [] : query.split("&")) {
    const end = pair.includes("=") ? pair.indexOf("=") : pair.length
    const [name, value] = [decoded(pair.slice(0, end)), decoded(pair.slice(end + 1))]
    if (name === undefined || value === undefined) return invalid("percent-encoding")
    if (UNSUPPORTED.has(name)) return invalid("unsupported parameter", name)
    if (!KNOWN.has(name)) {
      // A password with an unescaped & in it continues as the name of another parameter.
      const isName = !followsSecret && end < pair.length && /^[A-Za-z_]{1,40}$/.test(name)
      return invalid("unknown parameter", isName ? name : undefined)
    }
    if (parameters.has(name)) return invalid("repeated parameter", name)
    if (HONOURED[name]?.has(value) === false) return invalid("unsupported value", name)
    if (name === "password" || name === "sslpassword") followsSecret = true
    parameters.set(name, value)
  }
  return Result.succeed(parameters)
}

const decoded = (text: string): string | undefined =>
  /%(?![0-9a-f]{2})/i.test(text) ? undefined : decodedText(text)

const decodedText = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
