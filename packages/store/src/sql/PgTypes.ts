/**
 * The parameters of statements that the packages send, typed as those of `@effect/sql-pg/PgTypes`,
 * without loading it.
 *
 * That package is an optional peer: a module that imported it could not be imported where only the
 * stores in memory are used, and the failure would be that of the module loader. A client that runs
 * such statements has loaded it. The brand and the numbers of types are checked against the package
 * by the compiler and by a test.
 *
 * @since 0.1.0
 */
import type * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Data from "effect/Data"
import * as Result from "effect/Result"

/**
 * A value with the number of its type.
 *
 * @category types
 * @since 0.1.0
 */
export type Parameter = PgTypes.Parameter

/**
 * The numbers that PostgreSQL gives to the types of parameters.
 *
 * @category constants
 * @since 0.1.0
 */
export const OID = {
  bool: 16,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float8: 701,
  timestamptz: 1184,
  uuid: 2950
} as const satisfies Partial<typeof PgTypes.OID>

/** The types of arrays, by the types of their elements. */
const ARRAYS: ReadonlyMap<number, number> = new Map([
  [OID.bool, 1000],
  [OID.int8, 1016],
  [OID.int2, 1005],
  [OID.int4, 1007],
  [OID.text, 1009],
  [OID.json, 199],
  [OID.float8, 1022],
  [OID.timestamptz, 1185],
  [OID.uuid, 2951]
])

class UnknownElementType extends Data.TaggedError("UnknownElementType")<{
  readonly oid: number
}> {
  override get message() {
    return `No array type is known for elements of the type ${this.oid}`
  }
}

const BRAND: PgTypes.ParameterTypeId = "~@effect/sql-pg/PgTypes/Parameter"

const parameter =
  (oid: number) =>
  (value: unknown): Parameter => ({ [BRAND]: BRAND, oid, value })

/**
 * A `boolean`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bool: (value: boolean | null) => Parameter = parameter(OID.bool)

/**
 * A `smallint`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int2: (value: number | null) => Parameter = parameter(OID.int2)

/**
 * An `integer`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int4: (value: number | null) => Parameter = parameter(OID.int4)

/**
 * A `bigint`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int8: (value: bigint | null) => Parameter = parameter(OID.int8)

/**
 * A `double precision`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const float8: (value: number | null) => Parameter = parameter(OID.float8)

/**
 * A `text`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text: (value: string | null) => Parameter = parameter(OID.text)

/**
 * A `json`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const json: (value: unknown) => Parameter = parameter(OID.json)

/**
 * A `uuid`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uuid: (value: string | null) => Parameter = parameter(OID.uuid)

/**
 * A `timestamptz`, from a `Date` or from milliseconds since the epoch of Unix.
 *
 * @category constructors
 * @since 0.1.0
 */
export const timestamptz: (value: Date | number | null) => Parameter = parameter(OID.timestamptz)

/**
 * An array of one dimension, whose elements have the type of a number in {@link OID}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const array = (
  values: ReadonlyArray<unknown> | null,
  elementOid: number
): Result.Result<Parameter, UnknownElementType> => {
  const oid = ARRAYS.get(elementOid)
  return oid === undefined
    ? Result.fail(new UnknownElementType({ oid: elementOid }))
    : Result.succeed(parameter(oid)(values))
}
