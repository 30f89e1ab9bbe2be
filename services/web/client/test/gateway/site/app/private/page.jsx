import { requireSession } from '@quintet/next/server'
import { leave, rename, repassword } from '../actions'
import { Form } from '../form'

export default async function Page() {
  const { user } = await requireSession()
  return (
    <main>
      <h1>{user.name}</h1>
      <Form action={rename} names={['name']} label="rename" />
      <Form action={repassword} names={['old', 'new']} label="repassword" />
      <form action={leave} id="leave">
        <button>leave</button>
      </form>
    </main>
  )
}
