/** Chooses the view of an address. */
import { address } from "./address.ts"
import { useAnswer, useAtom } from "./atoms.ts"
import { about } from "./host.ts"
import { sayNumber } from "./Json.tsx"
import { Problem } from "./Notices.tsx"
import { Shell } from "./Shell.tsx"
import { StreamsPage } from "./StreamsPage.tsx"

const View = () => {
  const here = useAtom(address)
  return <StreamsPage here={here} />
}

export const App = () => {
  const host = useAnswer(about)
  const facts =
    host.value === undefined
      ? []
      : ([
          ["log", host.value.log],
          ["settled to position", sayNumber(host.value.head)],
          ...(host.value.actor === undefined ? [] : ([["caller", host.value.actor]] as const))
        ] as const)
  return (
    <Shell host={{ name: host.value?.title ?? "", facts }}>
      <Problem answer={host} what="the host" />
      <View />
    </Shell>
  )
}
