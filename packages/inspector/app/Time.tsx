/** Times, in the zone of the viewer or in UTC. */
import { useAtom } from "./atoms.ts"
import { inUtc } from "./preferences.ts"

/** The form of a time: `full` and `day` say the year if it is not this one. */
export type Form = "hm" | "hms" | "millis" | "day" | "full"

const forms: Record<Form, Intl.DateTimeFormatOptions> = {
  hm: { hour: "2-digit", minute: "2-digit" },
  hms: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  millis: {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    fractionalSecondDigits: 3
  },
  day: { weekday: "short", day: "numeric", month: "short" },
  full: {
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit"
  }
}

/** Making a formatter costs more than a hundred uses of it. */
const formatters = new Map<string, Intl.DateTimeFormat>()

const formatter = (form: Form, utc: boolean, withYear: boolean): Intl.DateTimeFormat => {
  const key = `${form} ${utc} ${withYear}`
  const made =
    formatters.get(key) ??
    new Intl.DateTimeFormat("en-GB", {
      ...forms[form],
      ...(withYear ? { year: "numeric" } : {}),
      hourCycle: "h23",
      ...(utc ? { timeZone: "UTC" } : {})
    })
  formatters.set(key, made)
  return made
}

const thisYear = new Date().getFullYear()

/** Says a time, given in milliseconds since 1970. */
export const sayTime = (millis: number, form: Form, utc: boolean): string => {
  const withYear =
    (form === "day" || form === "full") && new Date(millis).getFullYear() !== thisYear
  return formatter(form, utc, withYear).format(millis)
}

/** Says a time in UTC to the millisecond. */
export const sayUtc = (millis: number): string =>
  new Date(millis).toISOString().replace("T", " ").replace("Z", " UTC")

/** Asking for it at each render would cost more than the rest of the head. */
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** The name of the zone in which times are shown. */
export const zoneName = (utc: boolean): string => (utc ? "UTC" : ownZone)

/** A time; the other zone is its title. */
export const Time = ({ at, form }: { readonly at: number; readonly form: Form }) => {
  const utc = useAtom(inUtc)
  return (
    <time dateTime={new Date(at).toISOString()} title={sayUtc(at)}>
      {sayTime(at, form, utc)}
    </time>
  )
}
