import { protect } from '../../site.mjs';

export default async function Page() {
    const user = await protect();
    return <main data-user={user.id}>Welcome back, {user.name}.</main>;
}
