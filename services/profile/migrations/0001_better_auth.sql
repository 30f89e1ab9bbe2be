-- Better Auth's four tables, each only where it is absent, as Better Auth's own migration makes them (1.7, PostgreSQL).
-- A table that is there, in that layout or in Prisma's, is left untouched, indexes and all. Whether it will do is
-- looked at afterwards, by every --migrate: services/profile/pg/better_auth.c.
--
-- :"auth_schema" and :'auth_schema' stand for the schema of these tables (DATABASE_URL's ?schema=), as a quoted name
-- and as a literal; services/profile/pg/migrate.c puts it in.

do $migration$
begin
    -- Not "if not exists", which asks for the right to create even where there is nothing to create.
    if to_regnamespace(quote_ident(:'auth_schema')) is null then
        create schema :"auth_schema";
    end if;

    if to_regclass(format('%I.%I', :'auth_schema', 'user')) is null then
        create table :"auth_schema"."user" (
            "id" text not null,
            "name" text not null,
            "email" text not null,
            "emailVerified" boolean not null,
            "image" text,
            "createdAt" timestamp with time zone not null default current_timestamp,
            "updatedAt" timestamp with time zone not null default current_timestamp,
            constraint "user_pkey" primary key ("id"),
            constraint "user_email_key" unique ("email")
        );
    end if;

    if to_regclass(format('%I.%I', :'auth_schema', 'session')) is null then
        create table :"auth_schema"."session" (
            "id" text not null,
            "expiresAt" timestamp with time zone not null,
            "token" text not null,
            "createdAt" timestamp with time zone not null default current_timestamp,
            "updatedAt" timestamp with time zone not null,
            "ipAddress" text,
            "userAgent" text,
            "userId" text not null,
            constraint "session_pkey" primary key ("id"),
            constraint "session_token_key" unique ("token"),
            constraint "session_userId_fkey" foreign key ("userId")
                references :"auth_schema"."user" ("id") on delete cascade
        );
        create index "session_userId_idx" on :"auth_schema"."session" ("userId");
    end if;

    if to_regclass(format('%I.%I', :'auth_schema', 'account')) is null then
        create table :"auth_schema"."account" (
            "id" text not null,
            "accountId" text not null,
            "providerId" text not null,
            "userId" text not null,
            "accessToken" text,
            "refreshToken" text,
            "idToken" text,
            "accessTokenExpiresAt" timestamp with time zone,
            "refreshTokenExpiresAt" timestamp with time zone,
            "scope" text,
            "password" text,
            "createdAt" timestamp with time zone not null default current_timestamp,
            "updatedAt" timestamp with time zone not null,
            constraint "account_pkey" primary key ("id"),
            constraint "account_userId_fkey" foreign key ("userId")
                references :"auth_schema"."user" ("id") on delete cascade
        );
        create index "account_userId_idx" on :"auth_schema"."account" ("userId");
    end if;

    if to_regclass(format('%I.%I', :'auth_schema', 'verification')) is null then
        create table :"auth_schema"."verification" (
            "id" text not null,
            "identifier" text not null,
            "value" text not null,
            "expiresAt" timestamp with time zone not null,
            "createdAt" timestamp with time zone not null default current_timestamp,
            "updatedAt" timestamp with time zone not null default current_timestamp,
            constraint "verification_pkey" primary key ("id")
        );
        create index "verification_identifier_idx" on :"auth_schema"."verification" ("identifier");
    end if;
end
$migration$;
