/**
 * A database that can't hold a log, whatever is done with it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The database is made in a way that a log can't live with, and that can't be changed later.
 *
 * **Details**
 * `server_encoding`: text is stored in it, and any other than UTF8 lacks characters that an event may hold. Make a database
 * with `CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`, and move what is in this one by a dump.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnfitDatabase extends Data.TaggedError("UnfitDatabase")<{
  readonly database: string
  readonly setting: "server_encoding"
  readonly found: string
  readonly needed: string
}> {
  override get message() {
    return `The database ${this.database} has ${this.setting} ${this.found}, and a log needs ${this.needed}: create a database with ENCODING '${this.needed}'`
  }
}
