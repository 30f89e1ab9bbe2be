// Run by Next.js once, before the first request.
export async function register() {
    if (process.env.NEXT_RUNTIME !== 'nodejs')
        return;
    const { pool } = await import('./database.mjs');
    const { warm } = await import('../lib/settings.mjs');
    await warm(sql => pool.query(sql));
}
