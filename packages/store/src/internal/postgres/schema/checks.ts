/**
 * The checks of the table of events: they refuse rows that the library never appends, so that no
 * reader meets them.
 *
 * Each check first tests the common case and only then the slower one: all of them together take
 * some microseconds a row. A change to one of these texts needs a migration, since constraints are
 * made with their table.
 */
import * as PassedOver from "@daybook/kernel/PassedOver"

/** The limits of the contract; raising one needs a migration. */
const MAX_DATA_BYTES = 1_048_576
const MAX_METADATA_BYTES = 65_536
const MAX_JSON_DEPTH = 128
const MAX_ID_UNITS = 200
const MAX_TYPE_LENGTH = 200
const MAX_CATEGORY_LENGTH = 64

/**
 * Control characters, line and paragraph separators, and characters that change the direction of
 * text.
 */
const UNPRINTABLE =
  "\\u0001-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"

/**
 * The rule of the kernel's `StreamId`. UTF-16 has two units for a character of four bytes. Only the
 * first event of a stream is checked; every later one has the same id, since the functions that
 * append derive the revisions.
 */
const streamId = `revision > 1 OR stream_id ~ '^[A-Za-z][A-Za-z0-9_]*-[^${UNPRINTABLE}]+$'
      AND strpos(stream_id, '-') <= ${MAX_CATEGORY_LENGTH + 1}
      AND (octet_length(stream_id) - strpos(stream_id, '-') <= ${MAX_ID_UNITS}
        OR char_length(stream_id) - strpos(stream_id, '-')
          + regexp_count(stream_id, '[\\U00010000-\\U0010ffff]') <= ${MAX_ID_UNITS})`

/** The rule of the kernel's `EventType`, except the type that stands for passed-over events. */
const type = `type ~ '^[A-Za-z][A-Za-z0-9_.:/-]*$' AND octet_length(type) <= ${MAX_TYPE_LENGTH}
      AND type <> '${PassedOver.TYPE}'`

/**
 * Limits the depth of arrays and objects. A deeper text has at least one pair of brackets a level,
 * and few texts with that many brackets are deep.
 */
const shallow = (column: string): string =>
  `octet_length(${column}::text) <= ${2 * MAX_JSON_DEPTH + 1}
      OR 2 * octet_length(${column}::text) - octet_length(replace(${column}::text, '[', ''))
        - octet_length(replace(${column}::text, '{', '')) <= ${MAX_JSON_DEPTH}
      OR NOT jsonb_path_exists(${column}::jsonb,
        'strict $.**{${MAX_JSON_DEPTH}} ? (@.type() == "array" || @.type() == "object")')`

const TEXTS = ["correlationId", "causationId", "actor", "traceparent", "tracestate"]

/**
 * The metadata's text without the names of these fields, and with a control character, which no
 * JSON has, before the command's id. An object of such fields that escapes nothing then is a list
 * of strings, which a regular expression recognizes faster than a conversion to `jsonb` would.
 */
const unnamed = TEXTS.reduce(
  (text, name) => `replace(${text}, '"${name}":"', '"')`,
  `replace(metadata::text, '"commandId":"', E'"\\x01')`
)

/** The rule of the kernel's `EventMetadata`: an object of these fields and no others. */
const metadata = `metadata::text = '{}'
      OR ${unnamed} ~ E'^\\\\{("(\\x01[0-9a-f-]+|[^"\\\\\\\\\\x01]*)"[,}])+$'
      OR CASE WHEN json_typeof(metadata) = 'object'
        THEN metadata::jsonb - '{${["commandId", ...TEXTS, "custom"].join(",")}}'::text[] = '{}'
          AND NOT jsonb_path_exists(metadata::jsonb - 'custom', 'strict $.* ? (@.type() != "string")')
          AND coalesce(json_typeof(metadata -> 'custom') = 'object', true)
          AND coalesce(metadata ->> 'commandId' ~ '^[0-9a-f-]+$', true)
        ELSE false END`

/** The checks by the names of their constraints. */
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
