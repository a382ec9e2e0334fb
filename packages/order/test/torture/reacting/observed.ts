/**
 * The observations of a torture with reactors, processes and publishers, complete at its end. They
 * are read from tables and topics, past the code that is under test.
 */

/** An event as its table has it. */
export interface Logged {
  readonly id: string
  readonly streamId: string
  readonly revision: number
  readonly position: bigint
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly commandId: string | undefined
  readonly occurredMillis: number
  readonly recordedMillis: number
}

/** A command of a client, which repeated it with the same id until it was answered. */
export interface Sent {
  readonly streamId: string
  readonly commandId: string
  readonly answers: ReadonlyArray<
    | { readonly _tag: "Accepted"; readonly revision: number; readonly events: number }
    | { readonly _tag: "Rejected" }
  >
  /**
   * True once it was sent without getting an answer. A host may record it later, when another one
   * has refused it.
   */
  readonly isDoubtful: boolean
}

/** A process as the library folds it. */
export interface FoldedProcess {
  readonly streamId: string
  readonly status: string
  /** The tag of a tagged state, or else the state. */
  readonly state: string
}

/** A message as a broker has it. */
export interface Message {
  readonly id: string
  readonly key: string
  readonly data: unknown
}

export interface Observations {
  /** All events, in the order of their positions. */
  readonly log: ReadonlyArray<Logged>
  readonly sent: ReadonlyArray<Sent>
  /** The ids of the events that the plain reactor reacted to, in the order of its reactions. */
  readonly reactions: ReadonlyArray<string>
  /** The ids of the events that the transactional reactor reacted to, in that order. */
  readonly effects: ReadonlyArray<string>
  readonly processes: ReadonlyArray<FoldedProcess>
  /** The messages by the name of the publisher; those of a key in the order of the broker. */
  readonly topics: ReadonlyMap<string, ReadonlyArray<Message>>
  /** The time at which all work was done. */
  readonly endMillis: number
}

export const categoryOf = ({ streamId }: Pick<Logged, "streamId">): string =>
  streamId.slice(0, streamId.indexOf("-"))

export const idOf = ({ streamId }: Pick<Logged, "streamId">): string =>
  streamId.slice(streamId.indexOf("-") + 1)
