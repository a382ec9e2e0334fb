/**
 * The clients of the hosts. They choose commands that are likely to be accepted, and send
 * unanswered ones again with the same id.
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import { CommandHandler } from "@daybook/store/CommandHandler"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Answer, Sent } from "../../simulation/Auditor.ts"
import * as Dice from "./dice.ts"
import type { Hosts, Running } from "./hosts.ts"
import { FAILURES } from "./oldRelease.ts"
import type { Plan } from "./plan.ts"
import type { World } from "./world.ts"

/** A command that is sent until it is answered, with its answers so far. */
interface Request<Command, State> extends Omit<Sent<Command, State>, "answers"> {
  /** The answers, each with the epoch of the log in which it arrived. */
  readonly received: Array<{ readonly epoch: number; readonly answer: Answer<State> }>
  doubtful: boolean
}

export interface Clients<Command, State> {
  /**
   * The commands as of an epoch of the log. A command that was answered in another epoch may have
   * happened.
   */
  readonly sent: (epoch: number) => ReadonlyArray<Sent<Command, State>>
  readonly loads: ReadonlyArray<{
    readonly epoch: number
    readonly id: string
    readonly revision: number
    readonly state: State
  }>
  readonly unexpectedErrors: ReadonlyArray<string>
  /** Sends all commands of all clients, until each has an answer or its client left. */
  readonly work: Effect.Effect<void>
  /** Sends some commands again that were answered in an earlier epoch. */
  readonly sendAgain: (dice: Dice.Dice) => Effect.Effect<void>
  /** Executes commands on an instance through a handler directly on the stores. */
  readonly outrun: (id: string, dice: Dice.Dice) => Effect.Effect<void>
}

/** Longer than one slow call takes. */
const PATIENCE = Duration.seconds(3)

export const make = <Command, State, Event, Rejection>(
  world: World,
  plan: Plan,
  options: {
    readonly aggregate: Aggregate.Aggregate<Command, State, Event, Rejection>
    /** The aggregate as hosts of the release before define it. */
    readonly old: Aggregate.Aggregate<Command, State, Event, Rejection>
    /** Returns the number of restores of the log. */
    readonly epoch: () => number
    readonly commands: ReadonlyArray<Command>
    readonly instances: ReadonlyArray<string>
    readonly clients: number
    readonly commandsEach: number
    readonly hosts: () => Hosts
    readonly rival: CommandHandler["Service"]
  }
): Clients<Command, State> => {
  const { aggregate, commands, epoch, hosts, instances, old } = options
  const ids = Dice.webCrypto(world.dice("command ids"), () => new ArrayBuffer(0))
  /** Decides which requests share their id with others. */
  const sharing = world.dice("requests")
  /** The instances that a command id has a command on, by the id. */
  const instancesOf = new Map<string, Set<string>>()
  const sent: Array<Request<Command, State>> = []
  const loads: Array<{ epoch: number; id: string; revision: number; state: State }> = []
  const unexpectedErrors: Array<string> = []
  /** The state of each instance that was seen last, to choose commands by. */
  const seen = new Map<string, State>()

  const choose = (id: string, dice: Dice.Dice): Command => {
    const state = seen.get(id) ?? aggregate.decider.initialState
    let command = dice.pick(commands)
    // Sends a command that is likely to be refused now and then.
    for (let look = 0; look < 8; look++) {
      if (Result.isSuccess(aggregate.decider.decide(command, state))) break
      command = dice.pick(commands)
    }
    return command
  }

  /**
   * Draws the id of a new request, or one with commands on other instances only: one id may serve
   * several.
   */
  const commandIdOn = (id: string): CommandId.CommandId => {
    const others = Array.from(instancesOf).filter(([, instances]) => !instances.has(id))
    const shared = sharing.chance(0.2) && others.length > 0 ? sharing.pick(others) : undefined
    const [commandId, instances] = shared ?? [ids.randomUUID(), new Set<string>()]
    instancesOf.set(commandId, instances.add(id))
    return CommandId.make(commandId)
  }

  const write = (id: string, dice: Dice.Dice): Request<Command, State> => {
    const request: Request<Command, State> = {
      id,
      command: choose(id, dice),
      commandId: commandIdOn(id),
      occurredAt: DateTime.makeUnsafe(world.now()),
      received: [],
      doubtful: false
    }
    sent.push(request)
    return request
  }

  const commandOf = ({ command, commandId, occurredAt }: Request<Command, State>) => ({
    command,
    commandId: CommandId.make(commandId),
    occurredAt
  })

  const releaseOf = ({ isOld }: Running) => (isOld ? old : aggregate)

  const execute = (
    handler: CommandHandler["Service"],
    request: Request<Command, State>,
    release = aggregate
  ) =>
    Effect.map(handler.executeAll(release, request.id, [commandOf(request)]), ([answer]) => {
      if (answer === undefined) return undefined
      if (Result.isFailure(answer)) return { _tag: "Rejected" } as const
      const { events, revision, state } = answer.success
      seen.set(request.id, state)
      return { _tag: "Accepted", revision, events: events.length, state } as const
    })

  /** Sends a command, and returns whether it was answered. */
  const send = Effect.fnUntraced(function* (host: Running, request: Request<Command, State>) {
    const handler = Context.get(host.services, CommandHandler)
    const begun = epoch()
    const outcome = yield* Effect.timeoutOption(
      hosts().on(host, execute(handler, request, releaseOf(host))),
      PATIENCE
    ).pipe(
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          request.doubtful = true
        })
      )
    )
    if (Option.isNone(outcome) || outcome.value === "gone") {
      request.doubtful = true
      return false
    }
    const exit = outcome.value
    if (epoch() !== begun) {
      // A restore may have lost the answered command meanwhile.
      request.doubtful = true
      return false
    }
    if (Exit.isSuccess(exit)) {
      if (exit.value !== undefined) request.received.push({ epoch: begun, answer: exit.value })
      return exit.value !== undefined
    }
    const error = Cause.findErrorOption(exit.cause)
    const tag = Option.isSome(error) ? error.value._tag : undefined
    if (tag === "WrongExpectedRevision") return false
    // The old host is certain that it recorded nothing; a newer host has the answer.
    if (host.isOld && tag !== undefined && FAILURES.includes(tag)) return false
    request.doubtful = true
    if (tag !== "EventStoreError" && !Cause.hasInterruptsOnly(exit.cause)) {
      unexpectedErrors.push(
        `command ${request.commandId} on ${request.id}: ${Cause.pretty(exit.cause)}`
      )
    }
    return false
  })

  const sendUntilAnswered = Effect.fnUntraced(function* (
    request: Request<Command, State>,
    dice: Dice.Dice
  ) {
    const leaves = plan.occasion("caller-leaves")
    for (;;) {
      const host = yield* hosts().any(dice)
      if (plan.occasion("command-repeated") !== undefined) {
        yield* Effect.forkChild(repeat(request, dice))
      }
      if (leaves !== undefined) {
        yield* Effect.timeoutOption(send(host, request), Duration.millis(leaves.dice.below(50)))
        return
      }
      if (yield* send(host, request)) return
      yield* Effect.sleep(Duration.millis(dice.pick([0, 10, 200])))
    }
  })

  const repeat = Effect.fnUntraced(function* (request: Request<Command, State>, dice: Dice.Dice) {
    yield* Effect.sleep(Duration.millis(dice.pick([0, 0, 20, 500])))
    const host = yield* hosts().any(dice)
    yield* send(host, request)
  })

  /** Reads the state of an instance on one of the hosts. */
  const look = Effect.fnUntraced(function* (id: string, dice: Dice.Dice) {
    const host = yield* hosts().any(dice)
    const handler = Context.get(host.services, CommandHandler)
    const begun = epoch()
    const exit = yield* hosts().on(host, handler.load(releaseOf(host), id))
    if (exit === "gone" || Exit.isFailure(exit) || epoch() !== begun) return
    const { revision, state } = exit.value
    seen.set(id, state)
    loads.push({ epoch: begun, id, revision, state })
  })

  const client = Effect.fnUntraced(function* (number: number) {
    const dice = world.dice(`client ${number}`)
    for (let count = 0; count < options.commandsEach; count++) {
      yield* Effect.sleep(Duration.millis(dice.pick([0, 0, 0, 5, 50])))
      const id = dice.pick(instances)
      if (dice.chance(0.2)) yield* look(id, dice)
      yield* sendUntilAnswered(write(id, dice), dice)
    }
  })

  return {
    sent: (at) =>
      sent.map(({ received, ...request }) => ({
        ...request,
        answers: received.flatMap(({ answer, epoch: of }) => (of === at ? [answer] : [])),
        doubtful: request.doubtful || received.some(({ epoch: of }) => of !== at)
      })),
    sendAgain: (dice) =>
      Effect.forEach(
        sent.filter(({ received }) => received.length > 0 && dice.chance(0.5)),
        (request, index) =>
          Effect.delay(
            sendUntilAnswered(request, world.dice(`again ${epoch()} ${index}`)),
            Duration.millis(dice.pick([0, 20, 500]))
          ),
        { concurrency: "unbounded", discard: true }
      ),
    loads,
    unexpectedErrors,
    work: Effect.forEach(
      Array.from({ length: options.clients }, (_, number) => number),
      client,
      { concurrency: "unbounded", discard: true }
    ),
    outrun: (id, dice) =>
      Effect.gen(function* () {
        const times = dice.pick([1, 1, 2, 5])
        for (let count = 0; count < times; count++) {
          const request = write(id, dice)
          request.doubtful = true
          const begun = epoch()
          const answer = yield* Effect.orDie(execute(options.rival, request))
          if (epoch() !== begun) continue
          request.doubtful = false
          if (answer !== undefined) request.received.push({ epoch: begun, answer })
        }
      })
  }
}
