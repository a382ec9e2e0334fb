/**
 * Checks the requests of a caller, gives them their identities, and estimates their size.
 */
import { CommandId } from "@daybook/kernel/CommandId"
import type { EventMetadata } from "@daybook/kernel/EventMetadata"
import type { StreamId } from "@daybook/kernel/StreamId"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { AppendRefused } from "../../EventStore.ts"
import { isTraced } from "../driver/inSpan.ts"
import type { Identified } from "./decide.ts"

/** A command with the identity and time that its caller gave it, if any. */
interface Request<out Command> {
  readonly command: Command
  readonly commandId?: CommandId | undefined
  readonly occurredAt?: DateTime.Utc | undefined
}

/**
 * Draws the missing ids and times, and adds the trace of the caller's fiber to its metadata.
 *
 * Refuses invalid command ids. Event ids are derived from their bytes, so the later check of the
 * metadata would be too late.
 */
export const identify = <Command>(
  streamId: StreamId,
  requests: ReadonlyArray<Request<Command>>,
  caller: {
    readonly fiber: Fiber.Fiber<unknown, unknown>
    readonly metadata: EventMetadata
    readonly drawId: () => CommandId
  }
): Result.Result<ReadonlyArray<Identified<Command>>, AppendRefused> => {
  const { drawId, fiber } = caller
  const index = requests.findIndex(
    ({ commandId }) => commandId !== undefined && !isCommandId(commandId)
  )
  if (index >= 0) {
    const reason = { _tag: "InvalidCommandId", index } as const
    return Result.fail(new AppendRefused({ streamId, reason }))
  }
  const now = DateTime.makeUnsafe(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
  const metadata = withTrace(fiber, caller.metadata)
  return Result.succeed(
    requests.map(({ command, commandId: given, occurredAt = now }) => {
      const commandId = given ?? drawId()
      return {
        command,
        commandId,
        namespace: commandId,
        occurredAt,
        metadata,
        callerSuppliedId: given !== undefined
      }
    })
  )
}

const isCommandId = Schema.is(CommandId)

/** Returns the caller's metadata with the W3C trace context of the current span. */
const withTrace = (
  fiber: Fiber.Fiber<unknown, unknown>,
  metadata: EventMetadata
): EventMetadata => {
  const current = Option.getOrUndefined(Context.getOption(fiber.context, Tracer.ParentSpan))
  // Without a span of the caller, the handler's own span (opened where there is a tracer) is the
  // root of a trace that leads nowhere, so it is not recorded.
  const isOwn = isTraced(fiber) && current?._tag === "Span" && Option.isNone(current.parent)
  if (current === undefined || isOwn) return metadata
  const { sampled, spanId, traceId } = current
  // A disabled tracer returns invalid ids.
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return metadata
  return { ...metadata, traceparent: `00-${traceId}-${spanId}-${sampled ? "01" : "00"}` }
}

/** The bytes of an empty object or array. */
const OBJECT = 32
/** The bytes of a property, an element or a number. */
const SLOT = 16

/**
 * Estimates the memory of a value, cheaply for small values: in bytes, two for each UTF-16 code
 * unit of text. Shared objects count once.
 */
export const roughSize = (value: unknown): number => {
  let bytes = 0
  // Made only when needed: a value without objects needs neither.
  let seen: Set<object> | undefined
  let rest: Array<unknown> | undefined
  let current = value
  while (true) {
    bytes += SLOT
    if (typeof current === "string") bytes += 2 * current.length
    else if (typeof current === "bigint") bytes += 64
    else if (typeof current === "object" && current !== null) {
      seen ??= new Set()
      rest ??= []
      if (!seen.has(current)) {
        seen.add(current)
        bytes += OBJECT
        if (ArrayBuffer.isView(current)) bytes += current.byteLength
        else if (current instanceof ArrayBuffer) bytes += current.byteLength
        else if (current instanceof Map) {
          for (const [key, one] of current) rest.push(key, one)
        } else if (current instanceof Set || Array.isArray(current)) {
          for (const one of current) rest.push(one)
        } else {
          for (const [key, one] of Object.entries(current)) {
            bytes += SLOT + 2 * key.length
            rest.push(one)
          }
        }
      }
    }
    if (rest === undefined || rest.length === 0) return bytes
    current = rest.pop()
  }
}
