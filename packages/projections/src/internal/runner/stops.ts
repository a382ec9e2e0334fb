/**
 * Decides whether this host retries the event that stopped a read model: when it starts, and later
 * when other code than its own stopped there, as during a deploy in which an old host meets a newer
 * event.
 */
import { printableLine } from "@daybook/kernel/Printable"
import type * as Projection from "@daybook/kernel/Projection"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { GenerationState, Poison } from "../../driver/ReadModelGeneration.ts"

export interface Stops {
  /** Records that this host has met the event, and can't fold it. */
  readonly metUnsafe: (of: Of, poison: Poison) => void
  /** Returns the poison with the host that it stopped. */
  readonly signed: (name: Projection.Name, poison: Poison) => Poison
  /** Returns the poison to try again, if this host should; else logs a line for each stop. */
  readonly toTry: (
    state: GenerationState,
    when: "at start" | "later"
  ) => Effect.Effect<Poison | undefined>
  /** Logs that a try was begun. */
  readonly tries: (name: Projection.Name, poison: Poison) => Effect.Effect<void>
}

type Of = Pick<GenerationState, "name" | "generation">

export const make = (host: {
  readonly owner: string
  readonly build: string | undefined
  /** The fingerprint of the code, by the name of a read model. */
  readonly codes: ReadonlyMap<string, string>
}): Stops => {
  const { build, codes, owner } = host
  const met = new Set<string>()
  const warned = new Set<string>()
  const keyOf = ({ generation, name }: Of, { position }: Poison) =>
    `${name} ${generation} ${position}`
  const codeOf = (name: string) => codes.get(name) ?? ""
  return {
    metUnsafe: (of, poison) => {
      met.add(keyOf(of, poison))
      // Its own stop was already logged when it stopped.
      warned.add(`${keyOf(of, poison)} ${owner}`)
    },
    signed: (name, poison) => ({
      ...poison,
      stoppedBy: { owner, code: codeOf(name), ...(build === undefined ? {} : { build }) }
    }),
    toTry: (state, when) =>
      Effect.suspend(() => {
        const poison = Option.getOrUndefined(state.poison)
        if (poison === undefined || state.paused) return Effect.undefined
        const key = keyOf(state, poison)
        const isOther = poison.stoppedBy?.code !== codeOf(state.name)
        if (!met.has(key) && (when === "at start" || isOther)) return Effect.succeed(poison)
        const stop = `${key} ${poison.stoppedBy?.owner ?? ""}`
        if (warned.has(stop)) return Effect.undefined
        warned.add(stop)
        return Effect.as(
          Effect.logWarning(
            printableLine(
              `${state.name} is stopped at position ${poison.position}, ${poison.type} at revision ` +
                `${poison.revision} of ${poison.streamId}${by(poison)}: ${poison.issue}. This host does not try it ` +
                "again: start one whose code can fold the event, or skip it"
            )
          ),
          undefined
        )
      }),
    tries: (name, poison) =>
      Effect.logInfo(
        printableLine(
          `${name} was stopped at position ${poison.position}${by(poison)}: this host tries the event again`
        )
      )
  }
}

const by = ({ stoppedBy }: Poison): string =>
  stoppedBy === undefined
    ? ""
    : `, by code ${stoppedBy.code}${stoppedBy.build === undefined ? "" : ` of build ${stoppedBy.build}`}`
