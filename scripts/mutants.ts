/**
 * Judges the mutants of a run: the score, and the survivors against the list of known ones.
 */

/** The least share of mutants that tests must notice. */
export const SCORE = 0.9

/** A mutant that no test notices. */
export interface Survivor {
  readonly file: string
  /** The text of the line; its number would change with every edit above it. */
  readonly line: string
  readonly original: string
  readonly replacement: string
  /** The reason why no test has to notice it. */
  readonly reason?: string
}

export interface Outcome {
  readonly status: string
  readonly mutant: Survivor
}

export interface Judged {
  readonly passed: boolean
  readonly killed: number
  readonly total: number
  /** The share of mutants that were noticed; 0 if there were none. */
  readonly score: number
  /** Survivors that are not listed. */
  readonly unknown: ReadonlyArray<Survivor>
  /** Listed survivors that are noticed now, or no longer exist. */
  readonly stale: ReadonlyArray<Survivor>
  /** Listed survivors without a reason. */
  readonly unreasoned: ReadonlyArray<Survivor>
}

/**
 * Returns a mutant in the form of the list, from the place that Stryker changed: lines and columns
 * are counted from 1.
 */
export const survivorOf = (
  mutant: {
    readonly fileName: string
    readonly replacement: string
    readonly location: {
      readonly start: { readonly line: number; readonly column: number }
      readonly end: { readonly line: number; readonly column: number }
    }
  },
  source: string
): Survivor => {
  const lines = source.split("\n")
  const { end, start } = fromZero(mutant.location)
  const taken = lines.slice(start.line, end.line + 1)
  const last = taken.length - 1
  const original = taken
    .map((line, index) =>
      line.slice(index === 0 ? start.column : 0, index === last ? end.column : undefined)
    )
    .join("\n")
  return {
    file: mutant.fileName,
    line: lines[start.line]?.trim() ?? "",
    original: oneLine(original),
    replacement: oneLine(mutant.replacement)
  }
}

type Location = Parameters<typeof survivorOf>[0]["location"]

const fromZero = ({ end, start }: Location): Location => ({
  start: { line: start.line - 1, column: start.column - 1 },
  end: { line: end.line - 1, column: end.column - 1 }
})

/**
 * Judges a run. It passes with a high score and a list that names exactly the survivors, each with
 * a reason.
 */
export const judge = (
  outcomes: ReadonlyArray<Outcome>,
  listed: ReadonlyArray<Survivor>
): Judged => {
  // Mutants that do not compile, or break a module when it is loaded, were not tried.
  const tried = outcomes.filter(({ status }) =>
    ["Killed", "Timeout", "Survived", "NoCoverage"].includes(status)
  )
  const survived = tried.filter(({ status }) => status === "Survived" || status === "NoCoverage")
  const known = new Set(listed.map(key))
  const found = new Set(survived.map(({ mutant }) => key(mutant)))
  const killed = tried.length - survived.length
  const score = tried.length === 0 ? 0 : killed / tried.length
  const unknown = survived.map(({ mutant }) => mutant).filter((mutant) => !known.has(key(mutant)))
  const stale = listed.filter((mutant) => !found.has(key(mutant)))
  const unreasoned = listed.filter(({ reason }) => reason === undefined || reason.trim() === "")
  return {
    passed: score >= SCORE && unknown.length === 0 && stale.length === 0 && unreasoned.length === 0,
    killed,
    total: tried.length,
    score,
    unknown,
    stale,
    unreasoned
  }
}

/** Returns the judgement as text: a line for the score, then the action that each mutant needs. */
export const report = (name: string, judged: Judged): string =>
  [
    `${name}: ${judged.killed} of ${judged.total} mutants noticed, ${(100 * judged.score).toFixed(1)} %`,
    ...(judged.score < SCORE ? [`  at least ${100 * SCORE} % are wanted`] : []),
    ...section("survived, and not listed: test it, or list it with a reason", judged.unknown),
    ...section("listed, and noticed or gone: take it off the list", judged.stale),
    ...section("listed without a reason", judged.unreasoned)
  ].join("\n")

const section = (title: string, mutants: ReadonlyArray<Survivor>): ReadonlyArray<string> =>
  mutants.length === 0
    ? []
    : [`  ${title}:`, ...mutants.map((mutant) => `    ${JSON.stringify(mutant)}`)]

const key = ({ file, line, original, replacement }: Survivor): string =>
  JSON.stringify([file, line, original, replacement])

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()
