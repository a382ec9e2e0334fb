/**
 * The times of recording in a log whose clock was set back twice, and the number of events before
 * the first that is later than an instant.
 */

/** Seconds, by position. */
export const instants = [10, 20, 20, 15, 30, 12, 25, 40, 40]

/** Seconds, and numbers of events. */
export const answers = [
  [9, 0],
  [10, 1],
  [14, 1],
  [19, 1],
  [20, 4],
  [29, 4],
  [30, 7],
  [39, 7],
  [40, 9],
  [41, 9]
] as const
