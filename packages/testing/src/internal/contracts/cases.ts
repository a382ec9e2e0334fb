/**
 * The cases of a contract, by subject and sentence, and the laws that they become.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Law from "../../Law.ts"

/** Cases by their sentences. Each fails or dies when its sentence does not hold. */
export interface Cases<out R> {
  readonly [sentence: string]: Effect.Effect<void, unknown, R>
}

/** Builds the cases of each row of a table. */
export const each = <const Row, R>(
  rows: ReadonlyArray<Row>,
  cases: (row: Row) => Cases<R>
): Cases<R> => Object.fromEntries(rows.flatMap((row) => Object.entries(cases(row))))

/** Returns a law for each case, named by its sentence, after its subject if there is one. */
export const lawsOf = <R>(
  cases: Cases<R>,
  subject?: string
): ReadonlyArray<Law.Law<Exclude<R, Scope.Scope>>> =>
  Object.entries(cases).map(([sentence, program]) =>
    Law.fromEffect(subject === undefined ? sentence : `${subject}: ${sentence}`, program)
  )

/** Returns a law for each case of each subject. */
export const lawsBySubject = <R>(subjects: {
  readonly [subject: string]: Cases<R>
}): ReadonlyArray<Law.Law<Exclude<R, Scope.Scope>>> =>
  Object.entries(subjects).flatMap(([subject, cases]) => lawsOf(cases, subject))
