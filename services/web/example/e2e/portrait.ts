/** Drawn people: the pictures of real ones are not ours to give away. */
import sharp from 'sharp'

const SKIN = ['#f2cfb3', '#e3b08a', '#c98a5e', '#8d5a3b', '#6b4129', '#f6dcc8']
const HAIR = ['#2b1b14', '#5a3420', '#c98f3d', '#161314', '#8c2f1b', '#d8d2cc']
const CLOTHES = ['#37548c', '#b3264f', '#2f6b57', '#d08a2d', '#5b3f80', '#e9e2d8', '#22303c']
const SKIES = [
  ['#ffd8a8', '#ff9e80'],
  ['#cfe8ff', '#86b6e8'],
  ['#dcefd2', '#8fc29a'],
  ['#e9dcff', '#a893dc'],
  ['#ffe3ec', '#f0a3bb'],
  ['#e6e1d8', '#b3a894'],
]
/** Behind the head, and over it. */
const CUTS = [
  ['M230 470c-20-230 70-320 170-320s190 90 170 320c-4 110-40 190-60 230H290c-30-50-56-120-60-230Z', 'M255 400c10-120 60-170 145-170s135 50 145 170c-60-20-90-60-110-100-40 60-110 92-180 100Z'],
  ['', 'M250 390c-10-140 50-215 150-215s160 75 150 215c-16-50-40-80-60-96-60 14-130 12-186-4-24 24-44 60-54 100Z'],
  ['M400 70a70 70 0 1 1 0 140 70 70 0 0 1 0-140Z', 'M252 380c0-130 56-200 148-200s148 70 148 200c-30-76-80-120-148-120s-118 44-148 120Z'],
  ['M225 420c-40-60-20-130 30-160 10-80 90-120 150-110 70-20 150 30 160 100 50 30 60 110 20 170Z', 'M255 370c0-110 60-160 145-160s145 50 145 160c-36-50-80-74-145-74s-109 24-145 74Z'],
] as const

function drawing(seed: number, place: number): string {
  const of = <T>(list: readonly T[], step: number) => list[(seed * step + (seed >> 2)) % list.length]!
  const [light, dark] = SKIES[(seed * 5 + (seed >> 2) + place * 2) % SKIES.length] as [string, string]
  const [skin, hair, cloth, [behind, over]] = [of(SKIN, 1), of(HAIR, 7), of(CLOTHES, 3), of(CUTS, 1)]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 1000" width="960" height="1200">
    <defs><linearGradient id="sky" x2=".3" y2="1"><stop stop-color="${light}"/><stop offset="1" stop-color="${dark}"/></linearGradient></defs>
    <rect width="800" height="1000" fill="url(#sky)"/>
    <circle cx="${140 + (((seed + place) * 97) % 520)}" cy="${160 + (((seed + place) * 53) % 120)}" r="90" fill="#fff" opacity=".35"/>
    <path d="M0 ${720 - (((seed + place) * 31) % 90)}c160-80 300-60 430-10s250 30 370-50v340H0Z" fill="${dark}" opacity=".55"/>
    <g transform="translate(0 60)">
      <path d="${behind}" fill="${hair}"/>
      <path d="M70 940c0-210 130-290 330-290s330 80 330 290z" fill="${cloth}"/>
      <path d="M330 560h140v110c0 50-140 50-140 0Z" fill="${skin}"/><path d="M330 590c40 46 100 46 140 0v34c-40 40-100 40-140 0Z" opacity=".16"/>
      <path d="M262 400c0-120 50-180 138-180s138 60 138 180c0 130-60 220-138 220s-138-90-138-220Z" fill="${skin}"/>
      <path d="${over}" fill="${hair}"/>
      <g fill="#2a1c1c"><circle cx="345" cy="430" r="11"/><circle cx="455" cy="430" r="11"/></g>
      <g fill="none" stroke="#2a1c1c" stroke-width="7" stroke-linecap="round"><path d="M322 398q22-14 44 0M434 398q22-14 44 0" stroke="${hair}"/><path d="M400 440l-10 54h20" opacity=".35"/><path d="M355 535q45 ${26 + (seed % 3) * 8} 90 0" stroke="#8c2f35"/></g>
      <g fill="#e0566a" opacity=".18"><circle cx="312" cy="490" r="28"/><circle cx="488" cy="490" r="28"/></g>
    </g>
  </svg>`
}

/** A JPEG of 960 by 1200 pixels; somebody else for each seed, who may be somewhere else. */
export async function portrait(seed: number, place = 0): Promise<Uint8Array<ArrayBuffer>> {
  return Uint8Array.from(await sharp(Buffer.from(drawing(seed, place))).jpeg({ quality: 88 }).toBuffer())
}
