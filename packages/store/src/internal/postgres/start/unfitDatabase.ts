/**
 * The error of a database that can never hold a log.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The database was created with a setting that can't hold a log and can't be changed later.
 *
 * **Details**
 * Remedy: `CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`, and move the contents by a
 * dump.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnfitDatabase extends Data.TaggedError("UnfitDatabase")<{
  readonly database: string
  /** The encoding of stored text; any other than UTF8 lacks characters that an event may hold. */
  readonly setting: "server_encoding"
  readonly found: string
  readonly needed: string
}> {
  override get message() {
    return `The database ${this.database} has ${this.setting} ${this.found}, and a log needs ${this.needed}: create a database with ENCODING '${this.needed}'`
  }
}
