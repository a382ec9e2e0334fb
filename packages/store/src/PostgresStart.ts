/**
 * The errors that prevent a host from starting on PostgreSQL, found when a layer is built and not
 * at the first call.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { SqlError } from "effect/sql/SqlError"
import { rootMessage } from "./internal/start/rootMessage.ts"
import type { UnfitDatabase } from "./internal/postgres/start/unfitDatabase.ts"

/**
 * The database can't hold a log, and the reason.
 *
 * @category errors
 * @since 0.1.0
 */
export { UnfitDatabase } from "./internal/postgres/start/unfitDatabase.ts"

/**
 * The server and database that a client connects to, without its password.
 *
 * @category types
 * @since 0.1.0
 */
export interface Server {
  readonly host: string
  readonly port: number
  /** Undefined when the server chooses the database with the name of the user. */
  readonly database: string | undefined
  /** Undefined for the user of the process. */
  readonly username: string | undefined
}

/**
 * Returns the server in words: `shop at db.example:5432 as shop`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describe = ({ database, username, ...place }: Server): string =>
  `${database ?? "the database"} at ${describePlace(place)}${username === undefined ? "" : ` as ${username}`}`

/**
 * Returns the address of a server: `db.example:5432`.
 *
 * @category destructors
 * @since 0.1.0
 */
export const describePlace = ({ host, port }: Pick<Server, "host" | "port">): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`

/**
 * The part of a database URL that is wrong.
 *
 * @category types
 * @since 0.1.0
 */
export type UrlPart =
  | "whole"
  | "protocol"
  | "port"
  | "reserved character"
  | "percent-encoding"
  | "connect_timeout"
  | "sslmode"
  | "prepare"
  | "unknown parameter"
  | "unsupported parameter"
  | "unsupported value"
  | "repeated parameter"
  | "path"
  | "weak sslmode"
  | "half a certificate"

/**
 * `DATABASE_URL` is not the URL of a database.
 *
 * **Details**
 * The error holds no text of the URL except `parameter`: a mistyped URL may have its password
 * anywhere.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidDatabaseUrl extends Data.TaggedError("InvalidDatabaseUrl")<{
  readonly part: UrlPart
  /** The name of the wrong parameter; absent where it could be part of a password. */
  readonly parameter?: string | undefined
}> {
  override get message() {
    const { parameter, part } = this
    return `DATABASE_URL is not the URL of a database: ${parts[part]}${parameter === undefined ? "" : `: ${parameter}`}`
  }
}

const parts: Record<UrlPart, string> = {
  whole: "it can't be parsed",
  protocol: "it does not begin with postgres:// or postgresql://",
  port: "its port is not a number from 1 to 65535, or there are not as many ports as hosts",
  "reserved character": "a # or @ stands after its host",
  "percent-encoding": "a % in it is not followed by two hexadecimal digits of UTF-8 text",
  connect_timeout: "its connect_timeout is not a whole number of seconds",
  sslmode: "its sslmode is not disable, allow, prefer, require, verify-ca or verify-full",
  prepare: "its prepare is neither true nor false",
  "unknown parameter": "it has a parameter that is not known",
  "unsupported parameter": "it has a parameter of libpq that is not supported",
  "unsupported value": "it has a parameter whose value is not supported",
  "repeated parameter": "it has a parameter twice",
  path: "it has a parameter that is not the path of a file",
  "weak sslmode": "its sslmode verifies too little for a parameter",
  "half a certificate": "it has one of sslcert and sslkey without the other"
}

/**
 * A file that the URL names for TLS can't be read, or has the wrong contents.
 *
 * **Details**
 * Also for an `sslkey` that other users may read, or that does not match the certificate or
 * `sslpassword`.
 *
 * @category errors
 * @since 0.1.0
 */
export class CertificateUnusable extends Data.TaggedError("CertificateUnusable")<{
  readonly parameter: "sslrootcert" | "sslcert" | "sslkey"
  readonly path: string
  readonly cause: unknown
}> {
  override get message() {
    return `Cannot use ${this.path}, the ${this.parameter} of DATABASE_URL: ${rootMessage(this.cause)}`
  }
}

/**
 * The server was not reached, or refused the connection.
 *
 * @category errors
 * @since 0.1.0
 */
export class PostgresUnavailable extends Data.TaggedError("PostgresUnavailable")<{
  readonly server: Server
  readonly cause: SqlError
}> {
  override get message() {
    return `Cannot connect to ${describe(this.server)}: ${rootMessage(this.cause)}`
  }
}

/**
 * The findings at a server that was asked whether it is the primary.
 *
 * @category types
 * @since 0.1.0
 */
export interface NotPrimary {
  readonly host: string
  readonly port: number
  readonly reason: NotPrimaryReason
}

/**
 * The reason why a server is not connected to.
 *
 * @category types
 * @since 0.1.0
 */
export type NotPrimaryReason =
  | { readonly _tag: "Unreachable"; readonly cause: unknown }
  | { readonly _tag: "Standby" }
  /** Its sessions begin with `default_transaction_read_only`. */
  | { readonly _tag: "ReadOnly" }
  /**
   * It is on an earlier timeline of the same cluster than the server that was connected to last: an
   * old primary that came back.
   */
  | { readonly _tag: "Superseded"; readonly timeline: number; readonly newest: number }

const reasonOf = (reason: NotPrimaryReason): string => {
  switch (reason._tag) {
    case "Unreachable":
      return rootMessage(reason.cause)
    case "Standby":
      return "a standby"
    case "ReadOnly":
      return "read-only"
    case "Superseded":
      return `on timeline ${reason.timeline}, and timeline ${reason.newest} has been seen`
  }
}

/**
 * None of the servers that the URL names is a primary which this host may connect to.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoPrimary extends Data.TaggedError("NoPrimary")<{
  readonly servers: ReadonlyArray<NotPrimary>
}> {
  override get message() {
    const found = this.servers.map(
      ({ reason, ...place }) => `${describePlace(place)} (${reasonOf(reason)})`
    )
    return `No primary among ${found.join(", ")}`
  }
}

/**
 * A pooler between the host and PostgreSQL loses prepared statements, but `prepare` is on.
 *
 * @category errors
 * @since 0.1.0
 */
export class PoolerForgetsStatements extends Data.TaggedError("PoolerForgetsStatements")<{
  readonly server: Server
}> {
  override get message() {
    return `The pooler of ${describe(this.server)} loses prepared statements`
  }
}

/**
 * The schema lacks migrations or functions that this code needs.
 *
 * **Details**
 * A schema that is newer than the code is accepted: hosts of the previous release keep running
 * while a deploy replaces them.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotMigrated extends Data.TaggedError("NotMigrated")<{
  readonly schema: string
  readonly database: string
  /** The number of the schema's newest migration, 0 for none. */
  readonly found: number
  /** The number of the newest migration that this code knows. */
  readonly needed: number
  readonly migrations: "PostgresMigrations" | "ReadModelMigrations" | "ReactorMigrations"
  /** The log's missing or different functions; absent if a migration is missing. */
  readonly functions?: ReadonlyArray<string>
}> {
  override get message() {
    if (this.functions !== undefined) {
      return `Schema ${this.schema} of database ${this.database} is not migrated: it has other functions than this code needs: ${this.functions.join(", ")}`
    }
    const has = this.found === 0 ? "it has no migrations" : `it has migration ${this.found}`
    return `Schema ${this.schema} of database ${this.database} is not migrated: ${has} and this code needs ${this.needed}`
  }
}

/**
 * The role of the host's connection may not use the schema.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotPermitted extends Data.TaggedError("NotPermitted")<{
  readonly schema: string
  readonly database: string
  readonly role: string
}> {
  override get message() {
    return `Role ${this.role} may not use schema ${this.schema} of database ${this.database}`
  }
}

/**
 * The database is a standby: it is read-only, and does not show the appends in flight on its
 * primary.
 *
 * @category errors
 * @since 0.1.0
 */
export class InRecovery extends Data.TaggedError("InRecovery")<{ readonly database: string }> {
  override get message() {
    return `Database ${this.database} is a standby in recovery, and the log is read and written on its primary`
  }
}

/**
 * The errors of a schema that can't be used; `SqlError` when it could not be queried.
 *
 * @category types
 * @since 0.1.0
 */
export type SchemaUnready = NotMigrated | NotPermitted | InRecovery | UnfitDatabase | SqlError
