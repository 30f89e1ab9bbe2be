import type { Metadata } from 'next'
import Link from 'next/link'
import { currentWords } from '@/lib/locale'
import { SignInForm } from './form'

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await currentWords()).nav.signIn }
}

export default async function Page() {
  const { signIn } = await currentWords()
  return (
    <div className="grid gap-6">
      <h1 className="text-4xl">{signIn.title}</h1>
      <div className="card p-5 sm:p-8">
        <SignInForm />
      </div>
      <p className="text-soft">
        {signIn.other}{' '}
        <Link href="/signup" className="link">
          {signIn.otherLink}
        </Link>
      </p>
    </div>
  )
}
