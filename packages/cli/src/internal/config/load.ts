/**
 * Loads `daybook.config.ts`. Node strips the types of the file and of what it imports.
 */
import * as Effect from "effect/Effect"
import { FileSystem } from "effect/FileSystem"
import * as Option from "effect/Option"
import { Path } from "effect/Path"
import * as Predicate from "effect/Predicate"
import { type DaybookConfig, defineConfig } from "../../DaybookConfig.ts"
import { Misused } from "../exit.ts"

/** The file that is looked for in the present folder. */
const DEFAULT = "daybook.config.ts"

/** Loads the given file, or else the default one; an empty configuration without either. */
export const load = Effect.fnUntraced(function* (given: Option.Option<string>) {
  const fs = yield* FileSystem
  const path = yield* Path
  const file = path.resolve(Option.getOrElse(given, () => DEFAULT))
  if (!(yield* fs.exists(file))) {
    if (Option.isNone(given)) return defineConfig({})
    return yield* new Misused({ problem: `There is no configuration ${file}` })
  }
  const url = yield* path.toFileUrl(file)
  const found: unknown = yield* Effect.tryPromise({
    try: () => import(url.href),
    catch: (cause) =>
      new Misused({
        problem: `Cannot load ${file}: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })
  if (Predicate.hasProperty(found, "default") && isConfig(found.default)) return found.default
  return yield* new Misused({
    problem: `${file} has no default export that defineConfig of @daybook/cli/DaybookConfig made`
  })
})

/** The tag is of `defineConfig` alone, which may come from another copy of this package. */
const isConfig = (value: unknown): value is DaybookConfig =>
  Predicate.hasProperty(value, "_tag") && value._tag === "DaybookConfig"
