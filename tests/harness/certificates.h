#ifndef QN_TESTS_CERTIFICATES_H
#define QN_TESTS_CERTIFICATES_H

/* Authorities and certificates, made as they are wanted: PEM files in a folder of this process in /tmp, which
 * goes at exit. What goes wrong in here fails the test. Texts live as long as the process. */

struct certificate_files {
    const char *certificate, *key;
};

/* A new authority of this name; its certificate's file. The same name again: another authority with another
 * key, in a file of its own. */
const char *certificate_authority(const char *name);

struct certificate_options {
    const char *ca;                /* what certificate_authority() said */
    const char *const *dns_names;  /* NULL-terminated; the first is the subject's name too */
    const char *address;           /* also borne, "127.0.0.1"; NULL: none */
    long begins_s, ends_s;         /* from now; both 0: from an hour ago to an hour from now */
    struct certificate_files over; /* files that it is written over, as a renewal does; NULL: new ones */
};

/* Each file is replaced by rename(2). */
struct certificate_files certificate_issue(const struct certificate_options *options);

/* The usual: one name, valid now. */
struct certificate_files certificate_for(const char *ca, const char *dns_name);

#endif
