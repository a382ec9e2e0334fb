/**
 * Reads the URL of a database before the client does. The client's errors quote a wrong URL,
 * password included, and it ignores unknown parameters, so that a misspelt `sslmode` would connect
 * unencrypted.
 */
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidDatabaseUrl, type Server, type UrlPart } from "../../../PostgresStart.ts"
import { planTls, type TlsPlan } from "./tlsPlan.ts"

/** A server that the URL names, and the TLS of its connections. */
interface NamedServer {
  readonly server: Server
  readonly tls: TlsPlan
}

/**
 * The server to connect to: whatever it is, the one that is not in recovery, or the one of these
 * that also lets sessions write.
 */
export type Target = "any" | "primary" | "read-write"

export interface DatabaseUrl {
  /** In the order of the URL. */
  readonly servers: Arr.NonEmptyReadonlyArray<NamedServer>
  readonly target: Target
  readonly password: Redacted.Redacted<string> | undefined
  readonly applicationName: string | undefined
  readonly startupOptions: string | undefined
  readonly connectTimeout: Duration.Duration | undefined
  /**
   * True if the URL asks for prepared statements, undefined if it does not say. The client and
   * libpq have no such parameter.
   */
  readonly prepare: boolean | undefined
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
  target_session_attrs: new Set(["any", "primary", "read-write"])
}

const invalid = (part: UrlPart, parameter?: string) =>
  Result.fail(new InvalidDatabaseUrl({ part, parameter }))

export const parse = (raw: string): Result.Result<DatabaseUrl, InvalidDatabaseUrl> => {
  const { one, places } = withoutSeveral(raw)
  if (places === undefined) return invalid("port")
  if (!URL.canParse(one)) {
    // A password with an unescaped # or / ends where the port should be.
    return invalid(/^postgres(ql)?:\/\//.test(raw) || !raw.includes("://") ? "whole" : "protocol")
  }
  const url = new URL(one)
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
  const named = placesOf(parameters, places.length > 1 ? places : [{ host, port: url.port }])
  if (named === undefined) return invalid("port")
  const seconds = parameters.get("connect_timeout")
  if (seconds !== undefined && !/^\d{1,6}$/.test(seconds)) return invalid("connect_timeout")
  const prepare = parameters.get("prepare")
  if (prepare !== undefined && prepare !== "true" && prepare !== "false") return invalid("prepare")
  const attribute = parameters.get("target_session_attrs")
  // A log is read and written on its primary, whichever of several servers answers first.
  if (attribute === "any" && named.length > 1) {
    return invalid("unsupported value", "target_session_attrs")
  }
  const secret = parameters.get("password") ?? (password === "" ? undefined : password)
  const servers = Result.all(
    Arr.map(named, (place) => {
      const server: Server = {
        ...place,
        database: parameters.get("dbname") ?? (path.slice(1) === "" ? undefined : path.slice(1)),
        username: parameters.get("user") ?? (username === "" ? undefined : username)
      }
      return Result.map(planTls(parameters, server.host), (tls): NamedServer => ({ server, tls }))
    })
  )
  return Result.map(servers, (found) => ({
    servers: found,
    target:
      attribute === undefined ? (named.length > 1 ? "read-write" : "any") : targetOf(attribute),
    password: secret === undefined ? undefined : Redacted.make(secret),
    applicationName: parameters.get("application_name"),
    startupOptions: parameters.get("options"),
    connectTimeout:
      seconds === undefined
        ? undefined
        : Number(seconds) === 0
          ? Duration.infinity
          : Duration.seconds(Number(seconds)),
    prepare: prepare === undefined ? undefined : prepare === "true"
  }))
}

const targetOf = (attribute: string): Target =>
  attribute === "primary" || attribute === "read-write" ? attribute : "any"

/** A host and a port as they are written, the port empty where there is none. */
interface Written {
  readonly host: string
  readonly port: string
}

/**
 * Returns the URL with the first of its hosts alone, as `URL` knows no list of hosts, and all of
 * them. They are undefined if one can't be read.
 */
const withoutSeveral = (
  raw: string
): { readonly one: string; readonly places: ReadonlyArray<Written> | undefined } => {
  const [whole, scheme = "", user = "", hosts = ""] =
    /^([a-z]+:\/\/)((?:[^/?#]*)@)?([^/?#@]*)/i.exec(raw) ?? []
  if (whole === undefined || !hosts.includes(",")) return { one: raw, places: [] }
  const texts = hosts.split(",")
  const places = texts.flatMap((text) => {
    const [, host, port = ""] = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/.exec(text) ?? []
    const name = host === undefined ? undefined : decoded(host)
    return name === undefined ? [] : [{ host: name, port }]
  })
  return {
    one: `${scheme}${user}${texts[0] ?? ""}${raw.slice(whole.length)}`,
    places: places.length === texts.length ? places : undefined
  }
}

/**
 * Returns the hosts and ports, of which parameters replace the written ones; undefined if their
 * ports are not as many or no ports. As in libpq, one port serves all hosts.
 */
const placesOf = (
  parameters: ReadonlyMap<string, string>,
  written: ReadonlyArray<Written>
): Arr.NonEmptyReadonlyArray<{ readonly host: string; readonly port: number }> | undefined => {
  const hosts = parameters.get("host")?.split(",") ?? written.map(({ host }) => host)
  const ports = parameters.get("port")?.split(",") ?? written.map(({ port }) => port)
  if (ports.length > 1 && ports.length !== hosts.length) return undefined
  const places = hosts.map((host, index) => {
    const text = ports[ports.length === 1 ? 0 : index] ?? ""
    return {
      host: host === "" ? "localhost" : host.replace(/^\[(.*)\]$/, "$1"),
      port: text === "" ? 5_432 : Number(text)
    }
  })
  const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535
  return Arr.isReadonlyArrayNonEmpty(places) && places.every(({ port }) => isPort(port))
    ? places
    : undefined
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
