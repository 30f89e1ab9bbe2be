// The same page, better written: React's cache() lets layout and page share one answer.
import { protectOnce } from './once.mjs';

export default async function Layout({ children }) {
    const user = await protectOnce();
    return (
        <>
            <nav>Signed in as {user.name}</nav>
            {children}
        </>
    );
}
