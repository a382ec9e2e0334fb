/**
 * The clients of the hosts. They choose commands that are likely to be accepted, and send
 * unanswered ones again with the same id.
 */
import type * as Aggregate from "@daybook/kernel/Aggregate"
import * as CommandId from "@daybook/kernel/CommandId"
import * as CommandCall from "@daybook/store/CommandCall"
import { CommandHandler, type Executed } from "@daybook/store/CommandHandler"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Answer, Loaded, Observations, Sent } from "../../simulation/Auditor.ts"
import * as Dice from "./dice.ts"
import type { Hosts, Running } from "./hosts.ts"
import { FAILURES } from "./oldRelease.ts"
import type { Plan } from "./plan.ts"
import type { World } from "./world.ts"

/** An aggregate, and commands of it to choose from. */
export interface Domain {
  readonly aggregate: AnyAggregate
  /** The aggregate as hosts of the release before define it. */
  readonly old: AnyAggregate
  readonly commands: ReadonlyArray<unknown>
}

type AnyAggregate = Aggregate.Aggregate<unknown, unknown, unknown, unknown>

/** A command on an instance. */
export interface Call {
  readonly domain: Domain
  readonly id: string
  readonly command: unknown
}

/** Commands that are sent until they are answered, with their answers so far. */
interface Request {
  /** One command, or several on one instance each that are executed together. */
  readonly calls: ReadonlyArray<Call>
  readonly isTogether: boolean
  readonly commandId: string
  readonly occurredAt: DateTime.Utc
  /** The answers to all calls, each with the epoch of the log in which they arrived. */
  readonly received: Array<{ readonly epoch: number; readonly answers: Answers }>
  doubtful: boolean
}

/** An answer for each call. */
type Answers = ReadonlyArray<Answer<unknown>>

export interface Clients {
  /**
   * The commands as of an epoch of the log. A command that was answered in another epoch may have
   * happened.
   */
  readonly sent: (epoch: number) => ReadonlyArray<Sent<unknown, unknown>>
  /** The commands among them that were sent together. */
  readonly together: () => Observations["together"]
  readonly loads: ReadonlyArray<Loaded & { readonly epoch: number }>
  readonly unexpectedErrors: ReadonlyArray<string>
  /** Sends all commands of all clients, until each has an answer or its client left. */
  readonly work: Effect.Effect<void>
  /** Sends some commands again that were answered in an earlier epoch. */
  readonly sendAgain: (dice: Dice.Dice) => Effect.Effect<void>
  /** Executes commands on an instance through a handler directly on the stores. */
  readonly outrun: (domain: Domain, id: string, dice: Dice.Dice) => Effect.Effect<void>
}

/** Longer than one slow call takes. */
const PATIENCE = Duration.seconds(3)

/** The share of commands that are sent together, if some can be. */
const TOGETHER = 0.3

export const make = (
  world: World,
  plan: Plan,
  options: {
    readonly domains: ReadonlyArray<Domain>
    /** The commands together to choose from; none if empty. */
    readonly together: ReadonlyArray<ReadonlyArray<Call>>
    /** Returns the number of restores of the log. */
    readonly epoch: () => number
    readonly instances: ReadonlyArray<string>
    readonly clients: number
    readonly commandsEach: number
    readonly hosts: () => Hosts
    readonly rival: CommandHandler["Service"]
  }
): Clients => {
  const { domains, epoch, hosts, instances, together } = options
  const ids = Dice.webCrypto(world.dice("command ids"), () => new ArrayBuffer(0))
  /** Decides which requests share their id with others. */
  const sharing = world.dice("requests")
  /** The instances that a command id has a command on, by the id. */
  const instancesOf = new Map<string, Set<string>>()
  const sent: Array<Request> = []
  const loads: Array<Loaded & { readonly epoch: number }> = []
  const unexpectedErrors: Array<string> = []
  /** The state of each instance that was seen last, to choose commands by. */
  const seen = new Map<string, unknown>()

  const isLikely = ({ command, domain, id }: Call): boolean => {
    const { decider } = domain.aggregate
    const name = nameOf({ domain, id })
    const state = seen.has(name) ? seen.get(name) : decider.initialState
    return Result.isSuccess(decider.decide(command, state))
  }

  /** Sends a command that is likely to be refused now and then. */
  const choose = (draw: () => ReadonlyArray<Call>): ReadonlyArray<Call> => {
    let calls = draw()
    for (let look = 0; look < 8 && !calls.every(isLikely); look++) calls = draw()
    return calls
  }

  /**
   * Draws the id of a new request, or one with commands on other instances only: one id may serve
   * several.
   */
  const commandIdOn = (names: ReadonlyArray<string>): CommandId.CommandId => {
    const others = Array.from(instancesOf).filter(([, own]) => !names.some((name) => own.has(name)))
    const shared = sharing.chance(0.2) && others.length > 0 ? sharing.pick(others) : undefined
    const [commandId, own] = shared ?? [ids.randomUUID(), new Set<string>()]
    for (const name of names) own.add(name)
    instancesOf.set(commandId, own)
    return CommandId.make(commandId)
  }

  const write = (calls: ReadonlyArray<Call>, isTogether: boolean): Request => {
    const request: Request = {
      calls,
      isTogether,
      commandId: commandIdOn(calls.map(nameOf)),
      occurredAt: DateTime.makeUnsafe(world.now()),
      received: [],
      doubtful: false
    }
    sent.push(request)
    return request
  }

  const writeOne = (domain: Domain, id: string, dice: Dice.Dice): Request =>
    write(
      choose(() => [{ domain, id, command: dice.pick(domain.commands) }]),
      false
    )

  const identityOf = ({ commandId, occurredAt }: Request) => ({
    commandId: CommandId.make(commandId),
    occurredAt
  })

  const releaseOf = ({ aggregate, old }: Domain, isOld: boolean) => (isOld ? old : aggregate)

  const accepted = (call: Call, { events, revision, state }: Executed<unknown, unknown>) => {
    seen.set(nameOf(call), state)
    return { _tag: "Accepted", revision, events: events.length, state } as const
  }

  const execute = (handler: CommandHandler["Service"], request: Request, isOld = false) => {
    const { calls, isTogether } = request
    const identity = identityOf(request)
    const rejected: Answers = calls.map(() => ({ _tag: "Rejected" }))
    if (isTogether) {
      return handler
        .executeTogether(
          calls.map(({ command, domain, id }) =>
            CommandCall.make(releaseOf(domain, isOld), id, command)
          ),
          identity
        )
        .pipe(
          Effect.map((answers): Answers =>
            calls.flatMap((call, place) => {
              const answer = answers[place]
              return answer === undefined ? [] : [accepted(call, answer)]
            })
          ),
          Effect.catchTag("CommandRejected", () => Effect.succeed(rejected))
        )
    }
    return Effect.forEach(calls, (call) =>
      Effect.map(
        handler.executeAll(releaseOf(call.domain, isOld), call.id, [
          { ...identity, command: call.command }
        ]),
        (answers): Answers =>
          answers.flatMap((answer) =>
            Result.isSuccess(answer) ? [accepted(call, answer.success)] : rejected
          )
      )
    ).pipe(Effect.map((answers): Answers => answers.flat()))
  }

  /** Sends a request, and returns whether it was answered. */
  const send = Effect.fnUntraced(function* (host: Running, request: Request) {
    const handler = Context.get(host.services, CommandHandler)
    const begun = epoch()
    const outcome = yield* Effect.timeoutOption(
      hosts().on(host, execute(handler, request, host.isOld)),
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
      const isAnswered = exit.value.length === request.calls.length
      if (isAnswered) request.received.push({ epoch: begun, answers: exit.value })
      return isAnswered
    }
    const error = Cause.findErrorOption(exit.cause)
    const tag = Option.isSome(error) ? error.value._tag : undefined
    if (tag === "WrongExpectedRevision") return false
    // The old host is certain that it recorded nothing; a newer host has the answer.
    if (host.isOld && tag !== undefined && FAILURES.includes(tag)) return false
    request.doubtful = true
    if (tag !== "EventStoreError" && !Cause.hasInterruptsOnly(exit.cause)) {
      const names = request.calls.map(nameOf).join()
      unexpectedErrors.push(`command ${request.commandId} on ${names}: ${Cause.pretty(exit.cause)}`)
    }
    return false
  })

  const sendUntilAnswered = Effect.fnUntraced(function* (request: Request, dice: Dice.Dice) {
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

  const repeat = Effect.fnUntraced(function* (request: Request, dice: Dice.Dice) {
    yield* Effect.sleep(Duration.millis(dice.pick([0, 0, 20, 500])))
    const host = yield* hosts().any(dice)
    yield* send(host, request)
  })

  /** Reads the state of an instance on one of the hosts. */
  const look = Effect.fnUntraced(function* (domain: Domain, id: string, dice: Dice.Dice) {
    const host = yield* hosts().any(dice)
    const handler = Context.get(host.services, CommandHandler)
    const begun = epoch()
    const exit = yield* hosts().on(host, handler.load(releaseOf(domain, host.isOld), id))
    if (exit === "gone" || Exit.isFailure(exit) || epoch() !== begun) return
    const { revision, state } = exit.value
    seen.set(nameOf({ domain, id }), state)
    loads.push({ epoch: begun, category: domain.aggregate.category, id, revision, state })
  })

  const client = Effect.fnUntraced(function* (number: number) {
    const dice = world.dice(`client ${number}`)
    for (let count = 0; count < options.commandsEach; count++) {
      yield* Effect.sleep(Duration.millis(dice.pick([0, 0, 0, 5, 50])))
      const domain = dice.pick(domains)
      const id = dice.pick(instances)
      if (dice.chance(0.2)) yield* look(domain, id, dice)
      const request =
        together.length > 0 && dice.chance(TOGETHER)
          ? write(
              choose(() => dice.pick(together)),
              true
            )
          : writeOne(domain, id, dice)
      yield* sendUntilAnswered(request, dice)
    }
  })

  return {
    sent: (at) =>
      sent.flatMap(({ calls, commandId, doubtful, occurredAt, received }) =>
        calls.map(({ command, domain, id }, place) => ({
          category: domain.aggregate.category,
          id,
          command,
          commandId,
          occurredAt,
          answers: received.flatMap(({ answers, epoch: of }) =>
            of === at ? answers.slice(place, place + 1) : []
          ),
          doubtful: doubtful || received.some(({ epoch: of }) => of !== at)
        }))
      ),
    together: () =>
      sent
        .filter(({ isTogether }) => isTogether)
        .map(({ calls, commandId }) => ({
          commandId,
          streams: calls.map(({ domain, id }) => ({ category: domain.aggregate.category, id }))
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
    outrun: (domain, id, dice) =>
      Effect.gen(function* () {
        const times = dice.pick([1, 1, 2, 5])
        for (let count = 0; count < times; count++) {
          const request = writeOne(domain, id, dice)
          request.doubtful = true
          const begun = epoch()
          const answers = yield* Effect.orDie(execute(options.rival, request))
          if (epoch() !== begun) continue
          request.doubtful = false
          request.received.push({ epoch: begun, answers })
        }
      })
  }
}

const nameOf = ({ domain, id }: Pick<Call, "domain" | "id">): string =>
  `${domain.aggregate.category}-${id}`
