// The session check in one named statement (parsed and planned once a connection) for session, user, profile and photo: the
// join that Quintet asks, for one token.
import { SIGNED_OUT, isLive, missingFields, signedIn } from './answer.mjs';

const text = `
    select s.id, s."userId", s.token, s."expiresAt", s."createdAt", s."updatedAt", s."ipAddress", s."userAgent",
           u.name, u.email, u."emailVerified", u.image, u."createdAt" as user_created_at, u."updatedAt" as user_updated_at,
           p.user_id as profile_id, p.display_name is not null as display_name, p.birth_date is not null as birth_date,
           p.gender is not null as gender, p.city is not null as city, p.bio is not null as bio,
           exists (select from quintet.photo f where f.user_id = u.id and f.is_main) as photo
      from session s
      join "user" u on u.id = s."userId"
      left join quintet.profile p on p.user_id = u.id
     where s.token = $1`;

const given = there => (there ? true : null);

// `ask`: a question to `pg`, on whichever connection.
export const pgCheck = (tokenOf, ask) => async cookie => {
    const token = tokenOf(cookie);
    if (token === null)
        return SIGNED_OUT;
    const { rows } = await ask({ name: 'session_with_profile', text, values: [token] });
    const row = rows[0];
    if (!isLive(row))
        return SIGNED_OUT;
    const user = {
        id: row.userId,
        name: row.name,
        email: row.email,
        emailVerified: row.emailVerified,
        image: row.image,
        createdAt: row.user_created_at,
        updatedAt: row.user_updated_at,
    };
    const profile = row.profile_id && {
        displayName: given(row.display_name),
        birthDate: given(row.birth_date),
        gender: given(row.gender),
        city: given(row.city),
        bio: given(row.bio),
    };
    return signedIn(row, user, missingFields(profile, row.photo));
};
