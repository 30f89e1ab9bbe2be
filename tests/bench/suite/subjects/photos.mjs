// Photos from the upload to the pictures that others see: so many people at once add one after the other, as a browser does.
import { execFileSync } from 'node:child_process'
import { withCpu } from '../cpu.mjs'
import { scrape } from '../metrics.mjs'
import { quantile } from '../stats.mjs'

const MEDIA = 'quintet.media.v1.MediaService'
const TYPE = 'image/jpeg'

function pictureOf(build, args) {
    return execFileSync(`${build}/host/bench-picture`, args, { maxBuffer: 32 * 1024 * 1024 })
}

async function call(stack, method, cookie, message) {
    const answer = await fetch(`${stack.url}/${MEDIA}/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie },
        body: JSON.stringify(message),
    })
    if (!answer.ok) throw new Error(`${method}: ${answer.status} ${await answer.text()}`)
    return answer.json()
}

/** One photo from CreateUpload to CompleteUpload, and gone again; how long the last of these took, in µs. */
async function addPhoto(stack, cookie, picture) {
    const { uploadId, method, url, headers } = await call(stack, 'CreateUpload', cookie, { contentType: TYPE, sizeBytes: picture.length })
    const own = headers.filter(({ name }) => name.toLowerCase() !== 'content-length')
    const put = await fetch(url, { method, headers: own.map(({ name, value }) => [name, value]), body: picture })
    if (!put.ok) throw new Error(`PUT: ${put.status} ${await put.text()}`)
    const begun = performance.now()
    const { photo } = await call(stack, 'CompleteUpload', cookie, { uploadId })
    const took_us = (performance.now() - begun) * 1000
    if (!photo.url || !photo.smallUrl || !photo.blurDataUrl) throw new Error(`CompleteUpload: ${JSON.stringify(photo)}`)
    await call(stack, 'DeletePhoto', cookie, { photoId: photo.id })
    return took_us
}

/** 'at' people for so long; what is under way at the end still counts, with the time it takes. */
async function addPhotos(stack, at, seconds, picture) {
    const took = []
    const begun = performance.now()
    const person = async (cookie) => {
        while (performance.now() - begun < seconds * 1000) took.push(await addPhoto(stack, cookie, picture))
    }
    await Promise.all(stack.cookies.slice(0, at).map(person))
    return { calls: took.length, rate: took.length / ((performance.now() - begun) / 1000), p50_us: quantile(took, 0.5), p99_us: quantile(took, 0.99) }
}

const photos = (id, title, at, args) => ({
    id,
    group: 'photos',
    title,
    at,
    least_s: 5, // some pictures take a large part of a second
    async open(ctx) {
        const stack = await ctx.stack()
        const picture = pictureOf(ctx.options.build, args)
        // The makers of pictures are media's children.
        const processes = { ...stack.processes, media: { ...stack.processes.media, tree: true } }
        return {
            check: () => addPhoto(stack, stack.cookies[0], picture),
            async measure(people, { seconds, warmup }) {
                await addPhotos(stack, people, warmup, picture)
                const sample = await withCpu(processes, ctx.cores, () => addPhotos(stack, people, seconds, picture))
                const peak = (await scrape(stack.endpoints.ADMIN_MEDIA)).quintet_media_picture_worker_peak_bytes
                // The generator is this process, which the sum of the others leaves out.
                return { ...sample, elsewhere: undefined, picture_mib: picture.length / 1024 / 1024, peak_mib: peak / 1024 / 1024 }
            },
        }
    },
})

export const uploads = [
    photos('photos_small', 'a JPEG of 640 by 480', [1, 16], ['640', '480']),
    photos('photos_large', 'a JPEG of 12 megapixels', [1, 8], ['4000', '3000']),
    photos('photos_noise', 'a JPEG of 6 megapixels, noise', [8], ['3000', '2000', 'noise']),
]
