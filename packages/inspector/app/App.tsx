/** Chooses the view of an address. */
import { lazy, useEffect } from "react"
import type { Address } from "./address.ts"
import { address, href, replace } from "./address.ts"
import { useAnswer, useAtom } from "./atoms.ts"
import { asked } from "./credential.ts"
import { about, useFreshHead } from "./host.ts"
import { sayNumber } from "./Json.tsx"
import { Empty, Problem, Waiting } from "./Notices.tsx"
import { Screen } from "./Screen.tsx"
import { Head, Link, Shell } from "./Shell.tsx"
import { SignIn } from "./SignIn.tsx"
import { StreamPage } from "./StreamPage.tsx"
import { StreamsPage } from "./StreamsPage.tsx"

/** The first view is mostly of streams: the other screens come when the browser has time. */
const screens = {
  catalogue: () => import("./CataloguePage.tsx"),
  log: () => import("./LogPage.tsx"),
  readModels: () => import("./ReadModelsPage.tsx"),
  row: () => import("./RowPage.tsx"),
  table: () => import("./TablePage.tsx"),
  /** With the plot, which no other view needs. */
  operation: () => import("./OperationPage.tsx")
}

const CataloguePage = lazy(async () => ({ default: (await screens.catalogue()).CataloguePage }))
const LogPage = lazy(async () => ({ default: (await screens.log()).LogPage }))
const OperationPage = lazy(async () => ({ default: (await screens.operation()).OperationPage }))
const ReadModelsPage = lazy(async () => ({ default: (await screens.readModels()).ReadModelsPage }))
const RowPage = lazy(async () => ({ default: (await screens.row()).RowPage }))
const TablePage = lazy(async () => ({ default: (await screens.table()).TablePage }))

/** The time after the first view at which the other screens are read, in milliseconds. */
const AHEAD = 2000

/** Reads the other screens ahead; one that can't be read now is read again when it is shown. */
const useScreensAhead = (): void =>
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const read of Object.values(screens)) read().catch(() => {})
    }, AHEAD)
    return () => clearTimeout(timer)
  }, [])

const View = ({ here }: { readonly here: Address }) => {
  const [screen = "streams", name, ...rest] = here.path
  switch (screen) {
    case "streams":
      return name === undefined ? (
        <StreamsPage here={here} />
      ) : (
        <StreamPage key={name} here={here} text={name} />
      )
    case "events":
      return <ToEvent id={name ?? ""} />
    case "read-models":
      if (name === undefined) return <ReadModelsPage />
      return rest.length === 0 ? (
        <TablePage key={name} here={here} name={name} />
      ) : (
        <RowPage key={here.path.join("/")} here={here} name={name} segments={rest} />
      )
    case "log":
      return <LogPage here={here} />
    case "operation":
      return <OperationPage here={here} />
    case "catalogue":
      return <CataloguePage here={here} />
    default:
      return (
        <>
          <Head title="No view has this address" />
          <Empty title="Nothing is here">
            <Link to={href(["streams"])}>Go to the streams</Link>
          </Empty>
        </>
      )
  }
}

/** An event by its id: the search finds its stream and revision. */
const ToEvent = ({ id }: { readonly id: string }) => {
  useEffect(() => replace(href(["streams"], { q: `event:${id}` })), [id])
  return <Waiting what="the event" />
}

export const App = () => {
  const here = useAtom(address)
  const host = useAnswer(about)
  const asking = useAtom(asked)
  useFreshHead(asking === "no")
  useScreensAhead()
  const facts: ReadonlyArray<readonly [string, string]> =
    host.value === undefined
      ? []
      : [
          ["log", host.value.log],
          ["settled to position", sayNumber(host.value.head)],
          ...(host.value.actor === undefined ? [] : [["caller", host.value.actor] as const])
        ]
  return (
    <Shell host={{ name: host.value?.title ?? "", facts }}>
      {asking !== "no" ? (
        <SignIn isRefused={asking === "refused"} />
      ) : (
        <>
          <Problem answer={host} what="the host" />
          <Screen key={here.path[0]}>
            <View here={here} />
          </Screen>
        </>
      )}
    </Shell>
  )
}
