/**
 * The orders of a shop that is served elsewhere, through the typed client of its API.
 *
 * @since 0.1.0
 */
import * as Aggregate from "@daybook/kernel/Aggregate"
import type { CommandId } from "@daybook/kernel/CommandId"
import * as Decider from "@daybook/kernel/Decider"
import { decodeRecorded } from "@daybook/kernel/EventCodec"
import * as Revision from "@daybook/kernel/Revision"
import * as Order from "@daybook/order/Order"
import type { OrderCommand } from "@daybook/order/OrderCommand"
import * as OrderEvents from "@daybook/order/OrderEvent"
import type { ExpectOptions, Request } from "@daybook/store/CommandHandler"
import { WrongExpectedRevision } from "@daybook/store/EventStore"
import * as ExpectedRevision from "@daybook/store/ExpectedRevision"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Orders, ShopFailed } from "./Orders.ts"
import * as ServedShop from "./ServedShop.ts"

/**
 * The orders of a shop. A command with an id has it there too, so that an import may go on in
 * another way than it began; one without gets an `Idempotency-Key`. Fails to open for a caller that
 * may not read.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  address: ServedShop.Address
): Layer.Layer<Orders, ServedShop.ShopUnavailable> =>
  Layer.effect(Orders, Effect.andThen(ServedShop.check(address), make(address))).pipe(
    Layer.provide(SecureRandom.layerWebCrypto)
  )

const make = Effect.fnUntraced(function* (address: ServedShop.Address) {
  const { orders } = yield* ServedShop.client(address)
  const random = yield* SecureRandom.SecureRandom
  const failed = (cause: unknown) => new ShopFailed({ url: address.url, cause })

  /** Returns the events after a revision as they were recorded, page by page. */
  const recordedAfter = (id: string, after: Revision.Revision) =>
    Stream.paginate(after, (from) =>
      orders.history({ params: { id }, query: { after: from } }).pipe(
        Effect.map(
          ({ entries, next }) =>
            [entries.map(({ event }) => event), Option.fromUndefinedOr(next)] as const
        ),
        Effect.catchTag("Unknown", () => Effect.succeed([[], Option.none()] as const)),
        Effect.mapError(failed)
      )
    )

  const conflict = Effect.fnUntraced(function* (
    id: string,
    expected: ExpectedRevision.ExpectedRevision,
    actual: Revision.Revision
  ) {
    const known = ExpectedRevision.ExpectedRevision.match(expected, {
      Any: () => Revision.empty,
      NoStream: () => Revision.empty,
      Exists: () => Revision.empty,
      Exactly: ({ revision }) => revision
    })
    const between = yield* recordedAfter(id, known).pipe(
      Stream.takeWhile(({ revision }) => revision <= actual),
      Stream.runCollect
    )
    const streamId = yield* Effect.fromResult(Aggregate.streamId(Order.aggregate, id))
    return yield* new WrongExpectedRevision({ streamId, expected, actual, between })
  })

  const identityOf = (
    commandId: CommandId | undefined
  ): Effect.Effect<{
    readonly "x-command-id"?: CommandId
    readonly "idempotency-key"?: string
  }> =>
    commandId === undefined
      ? Effect.map(random.uuidV4(), (key) => ({ "idempotency-key": key }))
      : Effect.succeed({ "x-command-id": commandId })

  const executeOne = (
    id: string,
    { command, commandId, occurredAt }: Request<OrderCommand>,
    expected: ExpectedRevision.ExpectedRevision
  ) =>
    Effect.flatMap(identityOf(commandId), (identity) =>
      orders
        .execute({
          params: { id },
          headers: {
            ...identity,
            ...precondition(expected),
            ...(occurredAt === undefined ? {} : { "x-occurred-at": occurredAt })
          },
          payload: command
        })
        .pipe(
          Effect.map(({ body }) => Result.succeed(body)),
          Effect.catchTags({
            Rejected: ({ rejection }) => Effect.succeed(Result.fail(rejection)),
            WrongRevision: ({ actual }) => conflict(id, expected, actual)
          }),
          Effect.mapError((error) =>
            error instanceof WrongExpectedRevision || error instanceof ShopFailed
              ? error
              : failed(error)
          )
        )
    )

  return Orders.of({
    execute: (id, requests, { expected = ExpectedRevision.any }: ExpectOptions = {}) =>
      Effect.forEach(requests, (request, index) =>
        executeOne(id, request, index === 0 ? expected : ExpectedRevision.any)
      ),
    load: Effect.fnUntraced(function* (id, at) {
      const streamId = yield* Effect.fromResult(Aggregate.streamId(Order.aggregate, id))
      const query =
        at?.occurredAt === undefined
          ? at === undefined
            ? {}
            : { revision: at.revision }
          : { at: at.occurredAt }
      const found = yield* orders.state({ params: { id }, query }).pipe(
        Effect.map(({ body }) => body),
        Effect.catchTag("Unknown", () =>
          Effect.succeed({
            revision: Revision.empty,
            state: Order.aggregate.decider.initialState
          })
        ),
        Effect.mapError(failed)
      )
      return { streamId, ...found }
    }),
    history: (id) =>
      recordedAfter(id, Revision.empty).pipe(
        Stream.mapEffect((recorded) =>
          Effect.map(Effect.fromResult(decodeRecorded(OrderEvents.codec, recorded)), (events) =>
            events.map((event, index) => ({ recorded, index, event }))
          )
        ),
        Stream.flatMap(Stream.fromIterable),
        Stream.mapAccum(
          () => Order.aggregate.decider.initialState,
          (before, decoded) => {
            const state = Decider.fold(Order.aggregate.decider, [decoded.event], before)
            return [state, [{ ...decoded, state }]] as const
          }
        )
      )
  })
})

/** Returns the headers by which a command requires a state of its order. */
const precondition = (expected: ExpectedRevision.ExpectedRevision) =>
  ExpectedRevision.ExpectedRevision.match(expected, {
    Any: () => ({}),
    NoStream: () => ({ "if-none-match": "*" }) as const,
    Exists: () => ({ "if-match": "*" }) as const,
    Exactly: ({ revision }) =>
      revision === Revision.empty
        ? ({ "if-none-match": "*" } as const)
        : { "if-match": `"${revision}"` }
  })
