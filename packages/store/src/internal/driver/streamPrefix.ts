/**
 * The common prefix of the stream ids that a listing selects.
 */
import { type Category, category as categoryOf, type StreamId } from "@daybook/kernel/StreamId"
import type { StreamsOptions } from "../../EventStore.ts"

/** Returns the prefix of all ids with the category and the prefix; undefined if no id has both. */
export const wholePrefix = ({ category, prefix = "" }: StreamsOptions): string | undefined => {
  if (category === undefined) return prefix
  const start = `${category}-`
  if (prefix.startsWith(start)) return prefix
  return start.startsWith(prefix) ? start : undefined
}

/** Returns true if a stream is of one of the categories, or if there are none to match. */
export const ofCategories = (
  streamId: StreamId,
  categories: ReadonlyArray<Category> | undefined
): boolean => categories === undefined || categories.includes(categoryOf(streamId))
