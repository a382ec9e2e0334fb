/** The state of what keeps up with the log, and the acts on it. */
import type { Operation } from "@daybook/inspector/OperationAnswer"
import type * as Position from "@daybook/kernel/Position"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Atom from "effect/reactivity/Atom"
import * as AtomRegistry from "effect/reactivity/AtomRegistry"
import { registry, sayCause } from "./atoms.ts"
import { Host } from "./host.ts"
import { say } from "./Shell.tsx"

export type Model = Operation["models"][number]
export type Reactor = Operation["reactors"][number]
export type HeldKey = Reactor["status"]["held"][number]
export type Rebuild = Operation["rebuilds"][number]

/** The time between two looks, in milliseconds. */
export const EVERY = 2000

/** What the host says of its operation when it is asked. */
export const operation = Atom.family((isShown: boolean) =>
  Host.query("operation", "status", {
    query: isShown ? { show: true } : {},
    reactivityKeys: ["operation"]
  })
)

const acts = {
  pause: Host.mutation("operation", "pause"),
  resume: Host.mutation("operation", "resume"),
  skip: Host.mutation("operation", "skip"),
  rebuild: Host.mutation("operation", "rebuild"),
  drop: Host.mutation("operation", "drop"),
  release: Host.mutation("operation", "release"),
  dropEvent: Host.mutation("operation", "dropEvent")
}

const run = async <Request, A, E>(
  atom: Atom.AtomResultFn<Request, A, E>,
  request: Request,
  done: string
): Promise<void> => {
  const release = registry.mount(atom)
  registry.set(atom, request as Request & (Atom.Reset | Atom.Interrupt))
  const exit = await Effect.runPromiseExit(
    AtomRegistry.getResult(registry, atom, { suspendOnWaiting: true })
  )
  release()
  say(Exit.isSuccess(exit) ? done : `Not done: ${sayCause(exit.cause)}`)
}

const why = (reason: string | undefined) => (reason === undefined ? {} : { reason })

const reactivityKeys = ["operation"]

export const pause = (model: string, reason: string | undefined): Promise<void> =>
  run(acts.pause, { params: { model }, payload: why(reason), reactivityKeys }, `${model} is paused`)

export const resume = (model: string, reason: string | undefined): Promise<void> =>
  run(acts.resume, { params: { model }, payload: why(reason), reactivityKeys }, `${model} goes on`)

export const skip = (model: string, position: Position.Position, reason: string): Promise<void> =>
  run(
    acts.skip,
    { params: { model }, payload: { position, reason }, reactivityKeys },
    `Skipped; ${model} folds on`
  )

export const rebuild = (
  model: string,
  reason: string | undefined,
  accept: boolean
): Promise<void> =>
  run(
    acts.rebuild,
    {
      params: { model },
      payload: { ...why(reason), ...(accept ? { accept } : {}) },
      reactivityKeys
    },
    `The rebuild of ${model} has begun`
  )

export const drop = (
  model: string,
  generation: number,
  reason: string | undefined
): Promise<void> =>
  run(
    acts.drop,
    { params: { model }, payload: { ...why(reason), generation }, reactivityKeys },
    `Generation ${generation} of ${model} is dropped`
  )

export const release = (group: string, key: string, reason: string | undefined): Promise<void> =>
  run(
    acts.release,
    { params: { group }, payload: { ...why(reason), key }, reactivityKeys },
    `${group} tries ${key} again`
  )

export const dropEvent = (group: string, key: string, reason: string | undefined): Promise<void> =>
  run(
    acts.dropEvent,
    // The dialog asks for one.
    { params: { group }, payload: { key, reason: reason ?? "" }, reactivityKeys },
    `${group} goes on with ${key} without the event`
  )

/** How a read model stands, for the ink and the form of its mark. */
export const lookOf = ({ status }: Model): "steady" | "behind" | "stopped" =>
  status.state === "stopped" || Option.isSome(status.mismatch)
    ? "stopped"
    : status.state === "up to date" || status.state === "inline"
      ? "steady"
      : "behind"
