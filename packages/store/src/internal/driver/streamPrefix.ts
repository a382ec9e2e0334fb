/**
 * How the ids of the streams begin that are asked for.
 */
import { type Category, category as categoryOf, type StreamId } from "@daybook/kernel/StreamId"
import type { StreamsOptions } from "../../StreamFacts.ts"

/** What an id begins with that has the category and the prefix; none if no id has both. */
export const wholePrefix = ({ category, prefix = "" }: StreamsOptions): string | undefined => {
  if (category === undefined) return prefix
  const start = `${category}-`
  if (prefix.startsWith(start)) return prefix
  return start.startsWith(prefix) ? start : undefined
}

/** Whether a stream is of one of the categories, if they are given. */
export const ofCategories = (
  streamId: StreamId,
  categories: ReadonlyArray<Category> | undefined
): boolean => categories === undefined || categories.includes(categoryOf(streamId))
