/** The cause of errors of a way that lost something. */
export const LOST = new Error("the connection is lost")
