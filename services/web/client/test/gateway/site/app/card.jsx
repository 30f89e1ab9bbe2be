'use client'

// Messages as they are: React passes them from the server, times and 64-bit numbers included.
export function Card({ profile, photo }) {
  return (
    <p data-born={profile.birthDate} data-bytes={String(photo.sizeBytes)}>
      {profile.displayName}
    </p>
  )
}
