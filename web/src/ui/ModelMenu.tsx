import { useApi } from '../api/hooks'
import { useMay } from '../api/me'
import { text } from '../text'
import { ChoiceMenu } from './ChoiceMenu'

/** The planner's name as a model. */
const planner = 'blueprint'

/** Which model works; "" leaves it to the server. */
export function ModelMenu({ value, choose }: { value: string; choose: (model: string) => void }) {
  const t = text.common.model
  const models = useApi().query.useQuery('get', '/v1/models', {}, { enabled: useMay()('model.use'), staleTime: 60_000 })
  const names = (models.data?.data ?? []).map((m) => m.id).filter((id) => id !== planner)
  const choices = [
    { value: '', label: t.automatic, hint: t.automaticHint },
    ...names.map((name) => ({ value: name, label: name })),
    { value: planner, label: t.planner, hint: t.plannerHint },
  ]
  return <ChoiceMenu label={t.choose} value={value} choose={choose} choices={choices} />
}
