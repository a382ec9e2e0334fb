/** Returns the name or address of a `Host` header, without its port. */
export const nameOf = (host: string): string =>
  host.replace(/:\d{1,5}$/, "").replace(/^\[(.*)\]$/, "$1")

/** Returns true for an address or a name that reaches this machine only. */
export const isLoopback = (host: string): boolean =>
  /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/i.test(host)
