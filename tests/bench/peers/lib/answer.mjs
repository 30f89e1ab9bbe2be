// What Quintet's GetSessionWithProfileCheck answers, made here of the rows that a peer has read: the same fields, so
// that nobody answers with less.

export const SIGNED_OUT = {
    authenticated: false,
    profileComplete: false,
    missingFields: [],
    nextStep: 'NEXT_STEP_SIGN_IN',
    nextPath: '/signin',
};

// Better Auth's own rule: a session lives on until its last millisecond.
export const isLive = session => session !== null && session !== undefined && session.expiresAt.getTime() >= Date.now();

const FIELDS = ['display_name', 'birth_date', 'gender', 'city', 'bio', 'photos'];

// `profile` as Prisma names its columns, null when the user has none; then everything lacks, photos too.
export function missingFields(profile, hasPhoto) {
    if (profile === null)
        return FIELDS;
    const missing = [];
    if (profile.displayName == null)
        missing.push('display_name');
    if (profile.birthDate == null)
        missing.push('birth_date');
    if (profile.gender == null)
        missing.push('gender');
    if (profile.city == null)
        missing.push('city');
    if (profile.bio == null)
        missing.push('bio');
    if (!hasPhoto)
        missing.push('photos');
    return missing;
}

export function signedIn(session, user, missing) {
    const complete = missing.length === 0;
    return {
        authenticated: true,
        session: {
            id: session.id,
            userId: session.userId,
            token: session.token,
            expiresAt: session.expiresAt,
            createdAt: session.createdAt,
            updatedAt: session.updatedAt,
            ipAddress: session.ipAddress ?? '',
            userAgent: session.userAgent ?? '',
        },
        user: {
            id: user.id,
            name: user.name,
            email: user.email,
            emailVerified: user.emailVerified,
            image: user.image ?? '',
            createdAt: user.createdAt,
            updatedAt: user.updatedAt,
        },
        profileComplete: complete,
        missingFields: missing,
        nextStep: complete ? 'NEXT_STEP_NONE' : 'NEXT_STEP_CREATE_PROFILE',
        nextPath: complete ? '' : '/create',
    };
}
