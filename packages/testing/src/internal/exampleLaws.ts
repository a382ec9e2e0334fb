/**
 * The laws of a specification: one for each example, and one for the tags that need an example.
 */
import * as Effect from "effect/Effect"
import * as Law from "../Law.ts"

/** The failure of an example: its message begins with the sentence. */
interface Failure {
  readonly sentence: string
  readonly message: string
}

export const laws = <Example, R = never>(
  specification: {
    readonly examples: { readonly [sentence: string]: Example }
    readonly uncovered: ReadonlyArray<string>
  },
  run: (
    example: readonly [sentence: string, Example]
  ) => Effect.Effect<Failure | undefined, never, R>
): ReadonlyArray<Law.Law<R>> => {
  const { examples, uncovered } = specification
  return [
    ...Object.entries(examples).map((example) =>
      Law.once({
        name: example[0],
        problem: () =>
          Effect.map(run(example), (failure) =>
            failure?.message.slice(`${failure.sentence}\n`.length)
          )
      })
    ),
    Law.once({
      name: "has an example of everything that it covers",
      problem: () => (uncovered.length === 0 ? undefined : `no example of ${uncovered.join(", ")}`)
    })
  ]
}
