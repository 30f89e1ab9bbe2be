// The site as it was: the layout asks who is there, and the page below asks again.
import { protect } from '../../site.mjs';

export default async function Layout({ children }) {
    const user = await protect();
    return (
        <>
            <nav>Signed in as {user.name}</nav>
            {children}
        </>
    );
}
