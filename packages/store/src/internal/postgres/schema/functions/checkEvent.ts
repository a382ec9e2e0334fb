/**
 * `check_event`: refuses rows of events that the library never appends, so that no reader meets
 * them.
 *
 * It is a function that one short constraint calls, since the server prepares the text of a
 * constraint again for each statement: five constraints of their own cost a single append a fifth.
 * Each check begins with a quick test that most events pass.
 */
import * as PassedOver from "@daybook/kernel/PassedOver"

/** The limits of the contract. */
const MAX_DATA_BYTES = 1_048_576
const MAX_METADATA_BYTES = 65_536
const MAX_JSON_DEPTH = 128
const MAX_ID_UNITS = 200
const MAX_TYPE_LENGTH = 200
const MAX_CATEGORY_LENGTH = 64

/** Returns a literal with the same meaning under any `standard_conforming_strings`. */
const literal = (text: string): string => `E'${text.replaceAll("\\", "\\\\")}'`

/** Control characters, line and paragraph separators, and controls of direction. */
const UNPRINTABLE =
  "\\u0001-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069"

/** As `StreamId` of the kernel. UTF-16 has two units for a character of four bytes. */
const streamId = `p_stream_id ~ ${literal(`^[A-Za-z][A-Za-z0-9_]*-[^${UNPRINTABLE}]+$`)}
      AND strpos(p_stream_id, '-') <= ${MAX_CATEGORY_LENGTH + 1}
      AND (octet_length(p_stream_id) - strpos(p_stream_id, '-') <= ${MAX_ID_UNITS}
        OR char_length(p_stream_id) - strpos(p_stream_id, '-')
          + regexp_count(p_stream_id, ${literal("[\\U00010000-\\U0010ffff]")}, 1, '') <= ${MAX_ID_UNITS})`

/** As `EventType` of the kernel, without the one that stands for events that are passed over. */
const type = `p_type ~ '^[A-Za-z][A-Za-z0-9_.:/-]*$' AND octet_length(p_type) <= ${MAX_TYPE_LENGTH}
      AND p_type <> '${PassedOver.TYPE}'`

/**
 * Limits the nesting of arrays and objects. A text that nests deeper has a bracket and its end for
 * each level; hardly any text with as many brackets is deep.
 */
const refuseDepth = (
  column: string
): string => `IF octet_length(${column}) > ${2 * MAX_JSON_DEPTH + 1} THEN
    IF 2 * octet_length(${column}) - octet_length(replace(${column}, '[', ''))
        - octet_length(replace(${column}, '{', '')) > ${MAX_JSON_DEPTH} THEN
      IF jsonb_path_exists(${column}::jsonb,
          'strict $.**{${MAX_JSON_DEPTH}} ? (@.type() == "array" || @.type() == "object")', '{}', false) THEN
        ${refuse(`events_${column}_depth`, `${column} nests deeper than ${MAX_JSON_DEPTH} arrays and objects`)}
      END IF;
    END IF;
  END IF;`

/**
 * Text escapes no U+0000 and no lone surrogate: `json` takes them, and `jsonb` refuses them. The
 * cast is made only where an escape may be one of these.
 */
const refuseEscapes = (column: string): string => `IF strpos(${column}, E'\\\\u') > 0 THEN
    IF ${column} ~ E'\\\\\\\\u(?:0000|[dD])' THEN
      BEGIN
        PERFORM ${column}::jsonb;
      EXCEPTION WHEN untranslatable_character OR invalid_text_representation THEN
        ${refuse(`events_${column}_text`, `${column} escapes U+0000 or a lone surrogate`)}
      END;
    END IF;
  END IF;`

const refuse = (constraint: string, message: string): string =>
  `RAISE EXCEPTION '${message} (${constraint})' USING ERRCODE = 'check_violation', CONSTRAINT = '${constraint}';`

/** As `CommandId` of the kernel. */
const UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

const TEXTS = ["correlationId", "causationId", "actor", "traceparent", "tracestate"]

/**
 * The text without the names of these fields. An object of texts without escapes becomes a list of
 * strings, which a regular expression recognizes twice as fast as `jsonb` converts; an expression
 * with the names takes six times as long as this.
 */
const unnamed = ["commandId", ...TEXTS].reduce(
  (text, name) => `replace(${text}, '"${name}":"', '"')`,
  "p_metadata::text"
)

const plainMetadata = `${unnamed} ~ ${literal('^\\{(?:"[^"\\\\]*"[,}])+$')}
        AND coalesce(p_metadata ->> 'commandId'::text ~ '${UUID}', true)`

/** As `EventMetadata` of the kernel: an object of these fields and no others. */
const metadataOf = `CASE WHEN json_typeof(p_metadata) = 'object'
          THEN metadata::jsonb - '{${["commandId", ...TEXTS, "custom"].join(",")}}'::text[] = '{}'
            AND NOT jsonb_path_exists(metadata::jsonb - 'custom'::text, 'strict $.* ? (@.type() != "string")', '{}', false)
            AND coalesce(json_typeof(p_metadata -> 'custom'::text) = 'object', true)
            AND coalesce(p_metadata ->> 'commandId'::text ~ '${UUID}', true)
          ELSE false END`

const version = "p_schema_version > 0"

/** The years that ISO 8601 and JavaScript can name too. */
const occurredAt =
  "p_occurred_at >= '0001-01-01 00:00:00+00' AND p_occurred_at < '10000-01-01 00:00:00+00'"

/** As `streamId`, and without its characters of four bytes: true for most ids. */
const usualStreamId = `p_stream_id ~ ${literal(`^[A-Za-z][A-Za-z0-9_]*-[^${UNPRINTABLE}]+$`)}
      AND strpos(p_stream_id, '-') <= ${MAX_CATEGORY_LENGTH + 1} AND octet_length(p_stream_id) <= ${MAX_ID_UNITS}`

/** An event of few bytes without an escape nests nothing too deep. */
const isPlain = (column: string): string =>
  `octet_length(${column}::text) <= ${2 * MAX_JSON_DEPTH + 1} AND strpos(${column}::text, E'\\\\u') = 0`

/**
 * True for most events, apart from their metadata, in one expression: PL/pgSQL prepares each one
 * again in every transaction, with all that it may call. Limits of lengths in the regular
 * expressions would be slower.
 */
const usual = `p_revision > 0 AND ${version} AND (p_revision > 1 OR ${usualStreamId}) AND ${type}
    AND ${occurredAt} AND ${isPlain("p_data")}`

/**
 * Returns the statement that installs it.
 *
 * It returns true or raises 23514, with the fault as the name of a constraint. The stream's name is
 * checked at its first event, which every later one follows: the functions that append draw
 * revisions. It sets no search path, which would cost more than its checks: rows are inserted by
 * the log's own functions, which have set theirs, and by the owner.
 */
export const checkEvent = (log: string): string => `CREATE OR REPLACE FUNCTION ${log}.check_event(
  p_stream_id text, p_revision integer, p_type text, p_schema_version smallint,
  p_occurred_at timestamptz, p_data json, p_metadata json
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  data text;
  metadata text;
BEGIN
  IF ${usual} THEN
    IF p_metadata::text = '{}' THEN
      RETURN true;
    END IF;
    IF ${isPlain("p_metadata")} AND ${plainMetadata} THEN
      RETURN true;
    END IF;
  END IF;
  data := p_data::text;
  metadata := p_metadata::text;
  IF p_revision <= 0 THEN
    ${refuse("events_revision_check", "the revision is below 1")}
  END IF;
  IF NOT (${version}) THEN
    ${refuse("events_schema_version_check", "the schema version is below 1")}
  END IF;
  IF NOT (${occurredAt}) THEN
    ${refuse("events_occurred_at_check", "the event occurred in no year from 0001 to 9999")}
  END IF;
  IF octet_length(data) > ${MAX_DATA_BYTES} OR octet_length(metadata) > ${MAX_METADATA_BYTES} THEN
    ${refuse("events_size_check", `data has more than ${MAX_DATA_BYTES} bytes, or metadata more than ${MAX_METADATA_BYTES}`)}
  END IF;
  IF p_revision = 1 THEN
    IF NOT (${streamId}) THEN
      ${refuse("events_stream_id_check", "the stream id is none that the library accepts")}
    END IF;
  END IF;
  IF NOT (${type}) THEN
    ${refuse("events_type_check", "the type is none that the library accepts")}
  END IF;
  ${refuseEscapes("data")}
  ${refuseDepth("data")}
  IF metadata <> '{}' THEN
    ${refuseEscapes("metadata")}
    ${refuseDepth("metadata")}
    IF NOT (${plainMetadata}) THEN
      IF NOT (${metadataOf}) THEN
        ${refuse("events_metadata_shape", "metadata is no object of the fields that the library knows")}
      END IF;
    END IF;
  END IF;
  RETURN true;
END $$`
