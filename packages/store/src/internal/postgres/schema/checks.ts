/**
 * The rows that the table of events refuses: what the library never appends, so that no reader ever meets it.
 *
 * Each check looks first at what most events have, and only then at what takes longer: all of them together take some
 * microseconds a row. No text of these may change without a migration: constraints are made with their table.
 */
import * as PassedOver from "@daybook/kernel/PassedOver"

/** The limits of the contract; a higher one needs a migration. */
const MAX_DATA_BYTES = 1_048_576
const MAX_METADATA_BYTES = 65_536
const MAX_JSON_DEPTH = 128
const MAX_ID_UNITS = 200
const MAX_TYPE_LENGTH = 200
const MAX_CATEGORY_LENGTH = 64

/** Control characters, line and paragraph separators, and what turns the direction of text. */
const UNPRINTABLE =
  "\\u0001-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"

/**
 * As `StreamId` of the kernel. UTF-16 has two units for a character of four bytes. Of a stream its first event is looked at, which every
 * later one follows: the functions that append draw revisions.
 */
const streamId = `revision > 1 OR stream_id ~ '^[A-Za-z][A-Za-z0-9_]*-[^${UNPRINTABLE}]+$'
      AND strpos(stream_id, '-') <= ${MAX_CATEGORY_LENGTH + 1}
      AND (octet_length(stream_id) - strpos(stream_id, '-') <= ${MAX_ID_UNITS}
        OR char_length(stream_id) - strpos(stream_id, '-')
          + regexp_count(stream_id, '[\\U00010000-\\U0010ffff]') <= ${MAX_ID_UNITS})`

/** As `EventType` of the kernel, without the one that stands for events that are passed over. */
const type = `type ~ '^[A-Za-z][A-Za-z0-9_.:/-]*$' AND octet_length(type) <= ${MAX_TYPE_LENGTH}
      AND type <> '${PassedOver.TYPE}'`

/**
 * Arrays and objects nest at most so deep. A text that nests deeper has a bracket and its end for each of them, and of what has as many
 * brackets hardly anything is deep.
 */
const shallow = (column: string): string =>
  `octet_length(${column}::text) <= ${2 * MAX_JSON_DEPTH + 1}
      OR 2 * octet_length(${column}::text) - octet_length(replace(${column}::text, '[', ''))
        - octet_length(replace(${column}::text, '{', '')) <= ${MAX_JSON_DEPTH}
      OR NOT jsonb_path_exists(${column}::jsonb,
        'strict $.**{${MAX_JSON_DEPTH}} ? (@.type() == "array" || @.type() == "object")')`

const TEXTS = ["correlationId", "causationId", "actor", "traceparent", "tracestate"]

/**
 * A text without the names of these fields, and with a control character, which no JSON has, before the command's id: what is left of an
 * object of such fields that escapes nothing is a list of strings, which a regular expression knows faster than a conversion to `jsonb`.
 */
const unnamed = TEXTS.reduce(
  (text, name) => `replace(${text}, '"${name}":"', '"')`,
  `replace(metadata::text, '"commandId":"', E'"\\x01')`
)

/** As `EventMetadata` of the kernel: an object of these fields and no others. */
const metadata = `metadata::text = '{}'
      OR ${unnamed} ~ E'^\\\\{("(\\x01[0-9a-f-]+|[^"\\\\\\\\\\x01]*)"[,}])+$'
      OR CASE WHEN json_typeof(metadata) = 'object'
        THEN metadata::jsonb - '{${["commandId", ...TEXTS, "custom"].join(",")}}'::text[] = '{}'
          AND NOT jsonb_path_exists(metadata::jsonb - 'custom', 'strict $.* ? (@.type() != "string")')
          AND coalesce(json_typeof(metadata -> 'custom') = 'object', true)
          AND coalesce(metadata ->> 'commandId' ~ '^[0-9a-f-]+$', true)
        ELSE false END`

/** By the names of the constraints. */
export const EVENT_CHECKS: Readonly<Record<string, string>> = {
  events_readable: `occurred_at >= '0001-01-01 00:00:00+00' AND occurred_at < '10000-01-01 00:00:00+00'
      AND octet_length(data::text) <= ${MAX_DATA_BYTES}
      AND octet_length(metadata::text) <= ${MAX_METADATA_BYTES}`,
  events_stream_id_check: streamId,
  events_type_check: type,
  events_data_depth: shallow("data"),
  events_metadata_depth: shallow("metadata"),
  events_metadata_shape: metadata
}
