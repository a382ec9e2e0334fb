/**
 * Reads the URL of a database before the client does: what the client says of a wrong one quotes it, password and all.
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { InvalidDatabaseUrl, type Server, type UrlPart } from "../PostgresStart.ts"

export interface DatabaseUrl {
  readonly server: Server
  readonly connectTimeout: Duration.Duration | undefined
  /** Whether statements are kept prepared, if the URL says so: the client and libpq know no such parameter. */
  readonly prepare: boolean | undefined
}

const SSL_MODES = new Set(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])

const invalid = (part: UrlPart) => Result.fail(new InvalidDatabaseUrl({ part }))

export const parse = (raw: string): Result.Result<DatabaseUrl, InvalidDatabaseUrl> => {
  if (!URL.canParse(raw)) {
    // A password with an unescaped # or / ends where the port should be.
    return invalid(/^postgres(ql)?:\/\//.test(raw) || !raw.includes("://") ? "whole" : "protocol")
  }
  const url = new URL(raw)
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") return invalid("protocol")
  // Where a password begins with digits, what follows its # or / looks like a path: its host would be the user.
  if (`${url.pathname}${url.search}`.includes("@") || url.hash !== "" || raw.includes("#")) {
    return invalid("reserved character")
  }
  const parameters = url.searchParams
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
  const port = Number(parameters.get("port") ?? (url.port === "" ? "5432" : url.port))
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return invalid("port")
  const seconds = parameters.get("connect_timeout")
  if (seconds !== null && !/^\d{1,6}$/.test(seconds)) return invalid("connect_timeout")
  const sslMode = parameters.get("sslmode")
  if (sslMode !== null && !SSL_MODES.has(sslMode)) return invalid("sslmode")
  const prepare = parameters.get("prepare")
  if (prepare !== null && prepare !== "true" && prepare !== "false") return invalid("prepare")
  return Result.succeed({
    server: {
      host:
        parameters.get("host") ?? (host === "" ? "localhost" : host.replace(/^\[(.*)\]$/, "$1")),
      port,
      database: parameters.get("dbname") ?? (path.slice(1) === "" ? undefined : path.slice(1)),
      username: parameters.get("user") ?? (username === "" ? undefined : username)
    },
    connectTimeout:
      seconds === null
        ? undefined
        : Number(seconds) === 0
          ? Duration.infinity
          : Duration.seconds(Number(seconds)),
    prepare: prepare === null ? undefined : prepare === "true"
  })
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
