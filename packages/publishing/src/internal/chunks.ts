/**
 * Divides messages into requests that a broker accepts.
 */
import type { OutgoingMessage, RefusalReason } from "../Broker.ts"

/** Messages in requests, up to the first that fits into none. */
interface Chunks {
  readonly chunks: ReadonlyArray<ReadonlyArray<OutgoingMessage>>
  /** The first message that is too large for a request; those after it are in no chunk. */
  readonly excessive: OutgoingMessage | undefined
}

/** The bytes of a message in a request, with an allowance for its framing and headers. */
export const bytesOf = ({ body, id, key, topic }: OutgoingMessage): number =>
  Buffer.byteLength(body) + Buffer.byteLength(key) + id.length + topic.length + 128

export const chunksOf = (
  messages: ReadonlyArray<OutgoingMessage>,
  limits: {
    /** The bytes of a request. */
    readonly maxBytes: number
    /** The bytes of a message; at most `maxBytes`. */
    readonly maxMessageBytes: number
    readonly maxMessages: number
  }
): Chunks => {
  const { maxBytes, maxMessageBytes, maxMessages } = limits
  const chunks: Array<ReadonlyArray<OutgoingMessage>> = []
  let chunk: Array<OutgoingMessage> = []
  let bytes = 0
  for (const message of messages) {
    const size = bytesOf(message)
    const isExcessive = size > maxMessageBytes
    if (
      chunk.length > 0 &&
      (isExcessive || bytes + size > maxBytes || chunk.length >= maxMessages)
    ) {
      chunks.push(chunk)
      chunk = []
      bytes = 0
    }
    if (isExcessive) return { chunks, excessive: message }
    chunk.push(message)
    bytes += size
  }
  if (chunk.length > 0) chunks.push(chunk)
  return { chunks, excessive: undefined }
}

/** The refusal of a message that fits into no request. */
export const tooLarge = (message: OutgoingMessage, limit: number): RefusalReason => ({
  _tag: "TooLarge",
  bytes: bytesOf(message),
  limit
})
