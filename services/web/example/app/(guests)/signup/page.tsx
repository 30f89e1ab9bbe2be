import type { Metadata } from 'next'
import Link from 'next/link'
import { currentWords } from '@/lib/locale'
import { SignUpForm } from './form'

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await currentWords()).nav.signUp }
}

export default async function Page() {
  const { signUp } = await currentWords()
  return (
    <div className="grid gap-6">
      <h1 className="text-4xl">{signUp.title}</h1>
      <div className="card p-5 sm:p-8">
        <SignUpForm />
      </div>
      <p className="text-soft">
        {signUp.other}{' '}
        <Link href="/signin" className="link">
          {signUp.otherLink}
        </Link>
      </p>
    </div>
  )
}
