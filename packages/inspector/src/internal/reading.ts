/**
 * The meaning of the text of a search for streams.
 */
import * as Revision from "@daybook/kernel/Revision"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Reading } from "../StreamAnswer.ts"

const NAMED = /^(category|type|actor|correlation|event|id|prefix|part):(.*)$/s
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const PART = /^\*(.+)\*$/s

/** A text with a stream id may name a revision after an `@`. */
const AT_REVISION = /^(.+)@(\d{1,10})$/s

export interface Parsed {
  /** The readings to try, in this order: the first that finds something counts. */
  readonly tried: readonly [Reading, ...ReadonlyArray<Reading>]
  readonly revision: Revision.Revision | undefined
}

export const parse = (q: string): Parsed => {
  const given = q.trim()
  if (given === "") return only({ by: "all", text: "" })
  const named = NAMED.exec(given)
  if (named !== null) {
    const [, by = "", text = ""] = named
    // The pattern names each reading but `all`.
    return only({ by: by as Reading["by"], text: text.trim() })
  }
  const [, part] = PART.exec(given) ?? []
  if (part !== undefined) return only({ by: "part", text: part })
  if (UUID.test(given)) {
    const text = given.toLowerCase()
    return {
      tried: [
        { by: "event", text },
        { by: "correlation", text },
        { by: "part", text: given }
      ],
      revision: undefined
    }
  }
  const [, id = given, digits] = AT_REVISION.exec(given) ?? []
  const revision = Option.getOrUndefined(decodeRevision(Number(digits)))
  const byText = (by: Reading["by"]): Reading => ({ by, text: given })
  return {
    tried: [
      { by: "id", text: revision === undefined ? given : id },
      byText("prefix"),
      byText("part"),
      byText("category")
    ],
    revision
  }
}

const decodeRevision = Schema.decodeOption(Revision.Revision)

const only = (reading: Reading): Parsed => ({ tried: [reading], revision: undefined })

/** Returns the text that is parsed to the reading alone. */
export const textOf = ({ by, text }: Reading): string =>
  by === "all" ? "" : by === "part" ? `*${text}*` : `${by}:${text}`
