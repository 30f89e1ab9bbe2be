#ifndef AUTH_MAIL_BUILTIN_H
#define AUTH_MAIL_BUILTIN_H

/* The files of templates/ as texts; written by embed.cmake at the build. By name, ended by one without. */
struct auth_mail_builtin {
    const char *file, *text;
};

extern const struct auth_mail_builtin auth_mail_builtins[];

#endif
