/** Chooses the view of an address. */
import { lazy, Suspense, useEffect } from "react"
import type { Address } from "./address.ts"
import { address, href, replace } from "./address.ts"
import { useAnswer, useAtom } from "./atoms.ts"
import { CataloguePage } from "./CataloguePage.tsx"
import { isAskedFor } from "./credential.ts"
import { about, useFreshHead } from "./host.ts"
import { sayNumber } from "./Json.tsx"
import { LogPage } from "./LogPage.tsx"
import { Empty, Problem, Waiting } from "./Notices.tsx"
import { ReadModelsPage } from "./ReadModelsPage.tsx"
import { RowPage } from "./RowPage.tsx"
import { Head, Link, Shell } from "./Shell.tsx"
import { SignIn } from "./SignIn.tsx"
import { StreamPage } from "./StreamPage.tsx"
import { StreamsPage } from "./StreamsPage.tsx"
import { TablePage } from "./TablePage.tsx"

/** Comes with the plot, which no other view needs. */
const OperationPage = lazy(() => import("./OperationPage.tsx"))

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
      return (
        <Suspense fallback={<Waiting what="the operation" />}>
          <OperationPage here={here} />
        </Suspense>
      )
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
  const asksForToken = useAtom(isAskedFor)
  useFreshHead(!asksForToken)
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
      {asksForToken ? (
        <SignIn />
      ) : (
        <>
          <Problem answer={host} what="the host" />
          <View here={here} />
        </>
      )}
    </Shell>
  )
}
