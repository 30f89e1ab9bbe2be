import { join } from '../actions'
import { Form } from '../form'

export default function Page() {
  return <Form action={join} names={['name', 'email', 'password']} label="join" />
}
