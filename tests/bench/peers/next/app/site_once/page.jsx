import { protectOnce } from './once.mjs';

export default async function Page() {
    const user = await protectOnce();
    return <main data-user={user.id}>Welcome back, {user.name}.</main>;
}
