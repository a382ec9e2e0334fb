/** A stream's course: for each revision its type, actor, version and times, and its states. */
import type { Outline, StateAt, StreamEvents } from "@daybook/inspector/StreamAnswer"
import * as Revision from "@daybook/kernel/Revision"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Effect from "effect/Effect"
import * as Atom from "effect/reactivity/Atom"
import { useEffect, useMemo, useRef, useState } from "react"
import { useAnswer } from "./atoms.ts"
import { Host } from "./host.ts"

export interface Course {
  readonly types: ReadonlyArray<string>
  readonly actors: ReadonlyArray<string | undefined>
  readonly versions: ReadonlyArray<number>
  /** In milliseconds since 1970, as `recorded`. */
  readonly occurred: ReadonlyArray<number>
  readonly recorded: ReadonlyArray<number>
}

/** Reads the course of a stream, in as many requests as its length asks for. */
export const courseOf = Atom.family((streamId: StreamId) =>
  Host.runtime.atom(
    Effect.gen(function* () {
      const { streams } = yield* Host
      const course = {
        types: [] as Array<string>,
        actors: [] as Array<string | undefined>,
        versions: [] as Array<number>,
        occurred: [] as Array<number>,
        recorded: [] as Array<number>
      }
      let from: Revision.Revision | undefined = Revision.make(1)
      while (from !== undefined) {
        const part: Outline = yield* streams.outline({
          params: { streamId },
          query: { from }
        })
        for (const [type, actor, version, occurred, recorded] of part.events) {
          course.types.push(part.types[type] ?? "")
          course.actors.push(part.actors[actor])
          course.versions.push(version)
          course.occurred.push(occurred)
          course.recorded.push(recorded)
        }
        from = part.next
      }
      return course satisfies Course
    })
  )
)

/** Events of a stream are read in pages that begin after a multiple of this. */
const EVENTS_PAGE = 100

/** Returns the atom of the page that has an event. */
export const eventsWith = (streamId: StreamId, revision: number, show: { readonly show?: true }) =>
  Host.query("streams", "events", {
    params: { streamId },
    query: {
      from: Revision.make(Math.floor((revision - 1) / EVENTS_PAGE) * EVENTS_PAGE + 1),
      limit: EVENTS_PAGE,
      ...show
    }
  })

/** Returns the line of an event in its page. */
export const eventOf = (
  page: StreamEvents | undefined,
  revision: number
): StreamEvents["events"][number] | undefined =>
  page?.events.find((event) => event.revision === revision)

/** Returns a value once it has not changed for some milliseconds; the first one at once. */
export const useSettled = <A>(value: A, millis: number): A => {
  const [settled, setSettled] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), millis)
    return () => clearTimeout(timer)
  }, [value, millis])
  return settled
}

/** States are read in runs, so that a slider that moves by steps does not wait. */
const RUN = 50
/** The time that a slider must rest for its run to be read, in milliseconds. */
const REST = 60

/** A state, and the one it is compared with. */
interface StatePair {
  readonly before: StateAt
  readonly after: StateAt
}

export interface StateAnswer {
  /** While the next ones are awaited, those before: their revisions say so. */
  readonly pair: StatePair | undefined
  readonly isWaiting: boolean
  readonly withheld: boolean
  readonly problem: string | undefined
  /** The first revision that can't be folded. */
  readonly stopped: { readonly revision: number; readonly issue?: string } | undefined
}

const runOf = (streamId: StreamId, from: number, limit: number, show: { readonly show?: true }) =>
  Host.query("streams", "states", {
    params: { streamId },
    query: { from: Revision.make(Math.max(0, from)), limit, ...show }
  })

/** Returns the state at a revision, and the one at `against`. */
export const useStates = (
  streamId: StreamId,
  revision: number,
  against: number,
  show: { readonly show?: true }
): StateAnswer => {
  const start = useSettled(Math.floor(revision / RUN) * RUN, REST)
  const other = useSettled(against, REST)
  const single = useSettled(revision, REST)
  const runAtom = useMemo(() => runOf(streamId, start - 1, RUN + 1, show), [streamId, start, show])
  const run = useAnswer(runAtom)
  // A run of large states ends early.
  const isCut =
    run.value?.next !== undefined &&
    single >= run.value.next &&
    Math.floor(single / RUN) * RUN === start
  const oneAtom = useMemo(
    () => runOf(streamId, isCut ? single - 1 : start - 1, isCut ? 2 : RUN + 1, show),
    [streamId, isCut, single, start, show]
  )
  const one = useAnswer(oneAtom)
  const isNear = other >= start - 1 && other < start + RUN
  const otherAtom = useMemo(
    () => runOf(streamId, isNear ? start - 1 : other, isNear ? RUN + 1 : 1, show),
    [streamId, isNear, start, other, show]
  )
  const compared = useAnswer(otherAtom)
  const answers = [run, one, compared]
  const find = (at: number): StateAt | undefined =>
    answers.flatMap(({ value }) => value?.states ?? []).find((state) => state.revision === at)
  const [before, after] = [find(Math.max(0, against)), find(revision)]
  const kept = useRef<StatePair>(undefined)
  if (before !== undefined && after !== undefined) kept.current = { before, after }
  return {
    pair: kept.current,
    isWaiting: kept.current?.after.revision !== revision,
    withheld: answers.some(({ value }) => value?.withheld === true),
    problem: answers.find(({ problem }) => problem !== undefined)?.problem,
    stopped: run.value?.stopped
  }
}
