#ifndef PROFILE_RPC_MESSAGE_H
#define PROFILE_RPC_MESSAGE_H

#include "profile.pb-c.h"
#include "services/profile/profile.h"
#include "services/profile/store/account.h"
#include "services/profile/store/photo.h"
#include "services/profile/store/session.h"
#include "services/profile/store/verification.h"
#include "store.pb-c.h"

/* Rows as messages and back. Texts are shared, not copied: each side is valid as long as the other. */

void profile_message_user(const struct store_user *user, Quintet__Store__V1__User *ret_message);
void profile_message_session(const struct store_session *session, Quintet__Store__V1__Session *ret_message);
void profile_message_account(const struct store_account *account, Quintet__Store__V1__Account *ret_message);
void profile_message_verification(const struct store_verification *verification,
                                  Quintet__Store__V1__Verification *ret_message);
void profile_message_photo(const struct store_photo *photo, Quintet__Store__V1__Photo *ret_message);

struct store_user profile_message_to_user(const Quintet__Store__V1__User *message);
struct store_session profile_message_to_session(const Quintet__Store__V1__Session *message);
struct store_verification profile_message_to_verification(const Quintet__Store__V1__Verification *message);
struct store_photo profile_message_to_photo(const Quintet__Store__V1__Photo *message);
/* What was made of an upload; nothing else of the photo. */
struct store_photo profile_message_made(const Quintet__Store__V1__CompletePhotoRequest *message);

/* The profile as its owner ('own') or another sees it. Memory of the arena; NULL at its ceiling. */
Quintet__Profile__V1__Profile *profile_message_profile(const struct profile *profile, bool own,
                                                       struct qn_date today, struct qn_arena *arena);

#endif
