/**
 * An optional peer that is not installed, as a typed error that names it.
 *
 * A module that needs such a package loads it when it is used, so that every module can be imported
 * without it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/**
 * A module was used that needs an optional peer, and the package is not installed.
 *
 * @category errors
 * @since 0.1.0
 */
export class MissingPeer extends Data.TaggedError("MissingPeer")<{
  /** The module that was used, such as `@daybook/store/Postgres`. */
  readonly module: string
  /** The package that it needs, such as `@effect/sql-pg`. */
  readonly peer: string
}> {
  override get message() {
    return `${this.module} needs the package ${this.peer}, which is not installed`
  }
}

/**
 * Imports a module that imports optional peers.
 *
 * **Details**
 * `module`: the module that was used. `peers`: the packages that `load` may fail to find.
 * Errors: `MissingPeer`, one of them is not installed. Dies if the import fails otherwise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = <A>(
  module: string,
  peers: ReadonlyArray<string>,
  imported: () => Promise<A>
): Effect.Effect<A, MissingPeer> =>
  Effect.tryPromise({ try: imported, catch: (cause) => cause }).pipe(
    Effect.catch((cause) => {
      const peer = peers.find((name) => isNotFound(cause, name))
      return peer === undefined ? Effect.die(cause) : Effect.fail(new MissingPeer({ module, peer }))
    })
  )

/** Node states the package in its message only, and so do its `require` and its `resolve`. */
const isNotFound = (cause: unknown, peer: string): boolean =>
  cause instanceof Error &&
  Predicate.hasProperty(cause, "code") &&
  (cause.code === "ERR_MODULE_NOT_FOUND" || cause.code === "MODULE_NOT_FOUND") &&
  cause.message.includes(`'${peer}'`)
