import { enter } from '../actions'
import { Form } from '../form'

export default function Page() {
  return <Form action={enter} names={['email', 'password']} label="enter" />
}
