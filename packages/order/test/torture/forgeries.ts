/**
 * Calls of the append functions that a writer makes by hand.
 */
import * as SecureRandom from "effect/crypto/SecureRandom"

interface Dice {
  readonly upTo: (end: number) => number
  readonly pick: <A>(members: ReadonlyArray<A>) => A
  readonly order: () => string
}

const uuid = () => SecureRandom.uuidV4Unsafe()

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

const array = (members: ReadonlyArray<string>, type: string) =>
  `ARRAY[${members.join(", ")}]::${type}[]`

interface Call {
  readonly streams: ReadonlyArray<string>
  readonly expected: ReadonlyArray<string>
  readonly counts: ReadonlyArray<string>
  readonly types: ReadonlyArray<string>
  readonly versions: ReadonlyArray<string>
  readonly data: ReadonlyArray<string>
  readonly metadata: ReadonlyArray<string>
}

const call = (
  { pick }: Dice,
  { counts, data, expected, metadata, streams, types, versions }: Call
) => {
  const ids = array(
    data.map(() => literal(uuid())),
    "uuid"
  )
  const times = array(
    data.map(() => "now()"),
    "timestamptz"
  )
  const given = [
    array(streams.map(literal), "text"),
    array(expected, "bigint"),
    array(counts, "integer"),
    ids,
    array(types.map(literal), "text"),
    array(versions, "smallint"),
    array(data.map(literal), "text"),
    array(metadata.map(literal), "text"),
    times,
    pick(["true", "false"])
  ].join(", ")
  return pick([
    `SELECT FROM daybook.try_append(${given})`,
    `SELECT FROM daybook.append(${given}, 100)`
  ])
}

const forged = () => `forged-${uuid()}`

const plain = (streams: ReadonlyArray<string>): Call => ({
  streams,
  expected: streams.map(() => "-2"),
  counts: streams.map(() => "1"),
  types: streams.map(() => "Forged"),
  versions: streams.map(() => "1"),
  data: streams.map(() => "{}"),
  metadata: streams.map(() => "{}")
})

export const forgeries = {
  /** An append as a store sends it, to a stream of its own. */
  well: (dice: Dice): string => call(dice, plain([forged()])),

  /**
   * Appends to streams of others, with counts and expectations that would put events into their
   * past.
   */
  ill: (dice: Dice): string => {
    const stream = `order-${dice.order()}`
    const bad = dice.pick([
      ["-5", "1"],
      ["-1", "2"],
      ["0", "-1"],
      ["NULL", "1"],
      ["2147483647", "1"],
      ["3", "-2"],
      ["-2147483648", "1"]
    ])
    return call(dice, {
      ...plain([stream, stream]),
      counts: bad,
      expected: dice.pick([
        ["-2", "-2"],
        ["-9", "-2"],
        ["NULL", "NULL"],
        ["-2", "0"]
      ]),
      types: ["Forged"],
      versions: ["1"],
      data: ["{}"],
      metadata: ["{}"]
    })
  },

  /** Contents that the library never writes, to a stream that is not the shop's. */
  odd: (dice: Dice): string => {
    const deep = 1_000
    return call(dice, {
      ...plain([
        dice.pick([
          forged(),
          "",
          "order",
          "forged-a\nb",
          "forged-\u202Ex",
          `forged-${"x".repeat(600)}`
        ])
      ]),
      types: [dice.pick(["Forged", "", "Forged\u001B[31m\n", "x".repeat(1_000)])],
      versions: [dice.pick(["1", "32767", "0", "-1"])],
      data: [
        dice.pick([
          "null",
          "{}",
          "[",
          `${"[".repeat(deep)}${"]".repeat(deep)}`,
          '"\\u0000"',
          "1e400"
        ])
      ],
      metadata: [dice.pick(["null", "5", "[]", '{"correlationId":5}', '{"custom":null}', "{}"])]
    })
  }
}
