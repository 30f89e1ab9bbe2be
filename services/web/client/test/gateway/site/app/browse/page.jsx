import Image from 'next/image'
import { quintet, requireCompleteProfile } from '@quintet/next/server'
import { Card } from '../card'

export default async function Page() {
  const { user } = await requireCompleteProfile()
  const [{ profile }, { photos }] = await Promise.all([quintet().profile.getMyProfile({}), quintet().media.listPhotos({})])
  return (
    <main>
      <p>browse as {user.name}</p>
      <Card profile={profile} photo={photos[0]} />
      <Image src={photos[0].url} width={64} height={64} alt={user.name} />
    </main>
  )
}
