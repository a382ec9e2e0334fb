/** The cause of errors of a connection that lost a call or an answer. */
export const LOST = new Error("the connection is lost")
