#include <errno.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/core/buf.h"
#include "common/core/clock.h"
#include "common/core/status.h"
#include "services/auth/cookie.h"
#include "services/auth/password.h"
#include "services/profile/pg/admin.h"
#include "services/profile/pg/url.h"

/* quintet-seed: fills the database of a running stack with users, sessions and profiles, for load tests.
 *
 *   1. read where the stack is (endpoints file) and its secret  2. remove what an earlier seed left  3. COPY
 * five tables in one transaction  4. write the sessions' signed cookies, one a line.
 *
 * The same --users and --seed give the same ids and tokens. Four users in five have a complete profile; of
 * the others half have a profile without bio and photo, half have none. */

enum { ID_LEN = 32, CHUNK = 64 * 1024, PROGRESS_EVERY = 20000 };

#define SEED_DOMAIN   "seed.invalid" /* RFC 2606: no such mail address can exist */
#define SEED_PASSWORD "seeded password"
#define SEED_KEYS     "seed/" /* of photos; there are no such objects */

struct options {
    long users;
    unsigned long seed;
    const char *run_dir;
    const char *database; /* NULL: the stack's own */
    char *secret;
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "quintet-seed: %s: %s\n", what, why);
    exit(1);
}

/* splitmix64 (Steele, Lea, Flood 2014): a stream of its own for each purpose of each user. */
static uint64_t mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

enum purpose { ID_USER = 1, ID_ACCOUNT, ID_SESSION, ID_TOKEN, ID_PHOTO, TRAITS };

static void id_of(const struct options *opt, long user, enum purpose purpose, char to[ID_LEN + 1])
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint64_t state = opt->seed * 1000003 + (uint64_t)user * 16 + purpose;
    for (int i = 0; i < ID_LEN; i++)
        to[i] = ALPHABET[mix(&state) % (sizeof ALPHABET - 1)];
    to[ID_LEN] = '\0';
}

static void run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        die(sql, PQerrorMessage(conn));
    PQclear(result);
}

/* One COPY: rows are gathered in a buffer that is sent when it is full. */
struct copy {
    PGconn *conn;
    struct qn_buf rows;
};

static void copy_begin(struct copy *copy, PGconn *conn, const char *sql)
{
    copy->conn = conn;
    qn_buf_init(&copy->rows, 4 * CHUNK);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COPY_IN)
        die(sql, PQerrorMessage(conn));
    PQclear(result);
}

static void copy_flush(struct copy *copy, size_t at_least)
{
    if (copy->rows.len < at_least || copy->rows.len == 0)
        return;
    if (qn_buf_failed(&copy->rows) || PQputCopyData(copy->conn, copy->rows.data, (int)copy->rows.len) != 1)
        die("COPY", PQerrorMessage(copy->conn));
    qn_buf_clear(&copy->rows);
}

static void copy_end(struct copy *copy)
{
    copy_flush(copy, 1);
    if (PQputCopyEnd(copy->conn, NULL) != 1)
        die("COPY", PQerrorMessage(copy->conn));
    for (PGresult *result; (result = PQgetResult(copy->conn));) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            die("COPY", PQerrorMessage(copy->conn));
        PQclear(result);
    }
    qn_buf_fini(&copy->rows);
}

static const char *const CITIES[] = {"Berlin", "Paris", "Lisboa", "Kraków", "Wien", "Roma", "Oslo", "Dublin"};

struct times {
    char now[QN_TIME_TEXT_LEN + 1], expires[QN_TIME_TEXT_LEN + 1];
};

static void write_user(struct copy *copy, const struct options *opt, long i, const struct times *t)
{
    char id[ID_LEN + 1];
    id_of(opt, i, ID_USER, id);
    qn_buf_printf(&copy->rows, "%s\tSeed %ld\tseed-%ld@" SEED_DOMAIN "\tf\t\\N\t%s\t%s\n", id, i, i, t->now,
                  t->now);
}

static const char *password_hash; /* of SEED_PASSWORD: one for all, a hash costs 80 ms */

static void write_account(struct copy *copy, const struct options *opt, long i, const struct times *t)
{
    char id[ID_LEN + 1], user[ID_LEN + 1];
    id_of(opt, i, ID_ACCOUNT, id);
    id_of(opt, i, ID_USER, user);
    qn_buf_printf(&copy->rows, "%s\t%s\tcredential\t%s\t%s\t%s\t%s\n", id, user, user, password_hash, t->now,
                  t->now);
}

static void write_session(struct copy *copy, const struct options *opt, long i, const struct times *t)
{
    char id[ID_LEN + 1], user[ID_LEN + 1], token[ID_LEN + 1];
    id_of(opt, i, ID_SESSION, id);
    id_of(opt, i, ID_USER, user);
    id_of(opt, i, ID_TOKEN, token);
    qn_buf_printf(&copy->rows, "%s\t%s\t%s\t%s\t%s\t\tquintet-seed\t%s\n", id, t->expires, token, t->now,
                  t->now, user);
}

static bool is_complete(long i)
{
    return i % 5 != 4;
}

static void write_profile(struct copy *copy, const struct options *opt, long i, const struct times *t)
{
    static const char *const GENDERS[] = {"female", "male", "non_binary"};
    if (!is_complete(i) && i % 10 == 9)
        return;
    char user[ID_LEN + 1];
    uint64_t state = opt->seed * 1000003 + (uint64_t)i * 16 + TRAITS;
    id_of(opt, i, ID_USER, user);
    int year = 1950 + (int)(mix(&state) % 55), month = 1 + (int)(mix(&state) % 12),
        day = 1 + (int)(mix(&state) % 28);
    const char *gender = GENDERS[mix(&state) % 3], *city = CITIES[mix(&state) % 8];
    qn_buf_printf(&copy->rows, "%s\tSeed %ld\t%04d-%02d-%02d\t%s\t%s\t%s\t%s\t%s\n", user, i, year, month,
                  day, gender, city, is_complete(i) ? "Likes long walks and short statements." : "\\N",
                  t->now, t->now);
}

static void write_photo(struct copy *copy, const struct options *opt, long i, const struct times *t)
{
    char id[ID_LEN + 1], user[ID_LEN + 1];
    if (!is_complete(i))
        return;
    id_of(opt, i, ID_PHOTO, id);
    id_of(opt, i, ID_USER, user);
    /* A placeholder as long as real ones, and no picture. */
    qn_buf_printf(&copy->rows,
                  "%s\t%s\t" SEED_KEYS "%s/1600.webp\timage/webp\t120000\tt\tt\t%s\t%s\t" SEED_KEYS
                  "%s/320.webp\t1600\t1200\tdata:image/webp;base64,%0160d\t1\n",
                  id, user, id, t->now, t->now, id, 0);
}

static const struct {
    const char *what, *sql;
    void (*write)(struct copy *copy, const struct options *opt, long i, const struct times *t);
} TABLES[] = {
    {"users",
     "copy \"user\" (id, name, email, \"emailVerified\", image, \"createdAt\", \"updatedAt\") from stdin",
     write_user},
    {"accounts",
     "copy account (id, \"accountId\", \"providerId\", \"userId\", password, \"createdAt\", \"updatedAt\") "
     "from stdin",
     write_account},
    {"sessions",
     "copy session (id, \"expiresAt\", token, \"createdAt\", \"updatedAt\", \"ipAddress\", \"userAgent\", "
     "\"userId\") from "
     "stdin",
     write_session},
    {"profiles",
     "copy quintet.profile (user_id, display_name, birth_date, gender, city, bio, created_at, updated_at) "
     "from stdin",
     write_profile},
    {"photos",
     "copy quintet.photo (id, user_id, object_key, content_type, size_bytes, ready, is_main, created_at, "
     "expires_at, small_key, width, height, blur_data_url, position) from stdin",
     write_photo},
};

/* Foreign keys are not looked up row by row until the transaction ends, which is most of the time of a
 * million users: the rows are made to fit. Only a superuser may; others wait longer. */
static void trust_keys(PGconn *conn)
{
    run(conn, "savepoint keys");
    PGresult *result = PQexec(conn, "set local session_replication_role = replica");
    bool refused = PQresultStatus(result) != PGRES_COMMAND_OK;
    PQclear(result);
    run(conn, refused ? "rollback to savepoint keys" : "release savepoint keys");
}

static void fill(const struct options *opt, PGconn *conn)
{
    struct times t;
    qn_time_format(qn_clock_wall_ms(), t.now);
    qn_time_format(qn_clock_wall_ms() + 7 * 86400000LL, t.expires);
    bool tty = isatty(STDERR_FILENO);
    run(conn, "begin");
    run(conn, "delete from \"user\" where email like 'seed-%@" SEED_DOMAIN "'");
    run(conn, "delete from quintet.photo_trash where prefix like '" SEED_KEYS "%'"); /* nothing lies there */
    trust_keys(conn);
    for (size_t table = 0; table < sizeof TABLES / sizeof *TABLES; table++) {
        struct copy copy;
        copy_begin(&copy, conn, TABLES[table].sql);
        for (long i = 0; i < opt->users; i++) {
            TABLES[table].write(&copy, opt, i, &t);
            copy_flush(&copy, CHUNK);
            if (tty && i % PROGRESS_EVERY == 0)
                fprintf(stderr, "\rquintet-seed: %s %ld of %ld   ", TABLES[table].what, i, opt->users);
        }
        copy_end(&copy);
    }
    run(conn, "commit");
    if (tty)
        fprintf(stderr, "\rquintet-seed: vacuuming            ");
    /* As autovacuum would, some time after such a load: dead rows of an earlier seed go, and no look-up has
     * to find out whose transaction a row is of. */
    run(conn, "vacuum (analyze) \"user\", account, session, quintet.profile, quintet.photo");
    if (tty)
        fprintf(stderr, "\r%40s\r", "");
}

static void write_cookies(const struct options *opt, const char *path)
{
    struct auth_cookie_jar jar = {0};
    FILE *file = fopen(path, "w");
    if (!file)
        die(path, strerror(errno));
    fchmod(fileno(file), 0600); /* each line is as good as a password */
    if (auth_cookie_open(&jar, qn_str_c(opt->secret), false) != QN_OK)
        die("the secret", "libcrypto would not take it");
    struct qn_buf line;
    qn_buf_init(&line, 4096);
    for (long i = 0; i < opt->users; i++) {
        char token[ID_LEN + 1];
        id_of(opt, i, ID_TOKEN, token);
        qn_buf_clear(&line);
        if (auth_cookie_write(&jar, AUTH_COOKIE_SESSION_TOKEN, qn_str_c(token), AUTH_COOKIE_OF_BROWSER,
                              &line) != QN_OK)
            die("cookie", "could not be signed");
        ptrdiff_t end = qn_str_find(qn_buf_view(&line), ';');
        fprintf(file, "%.*s\n", (int)(end < 0 ? (ptrdiff_t)line.len : end), line.data);
    }
    qn_buf_fini(&line);
    auth_cookie_close(&jar);
    if (fclose(file) != 0)
        die(path, strerror(errno));
}

/* The value of KEY=value in a file, malloc'd; NULL when it is not there. */
static char *value_in(const char *path, const char *key)
{
    FILE *file = fopen(path, "r");
    char *line = NULL, *found = NULL;
    size_t room = 0, key_len = strlen(key);
    while (file && !found && getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (key_len == 0)
            found = strdup(line);
        else if (strncmp(line, key, key_len) == 0 && line[key_len] == '=')
            found = strdup(line + key_len + 1);
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static const char HELP[] =
    "quintet-seed: fills the running stack's database with users, sessions and profiles\n"
    "\n"
    "  --users N        how many (default 100000); four in five have a complete profile\n"
    "  --seed N         another N, other ids and tokens (default 1)\n"
    "  --run-dir DIR    of the stack (default $QUINTET_RUN_DIR, else .quintet)\n"
    "  --database URL   instead of the stack's own; its role must own the tables\n"
    "  --help, --version\n"
    "\n"
    "Writes the sessions' signed cookies to DIR/cookies.txt, one a line. Everyone's password is "
    "\"" SEED_PASSWORD "\".\n"
    "A second run replaces what the first one made.\n";

static void read_options(int argc, char **argv, struct options *opt)
{
    static const struct option LONG[] = {{"users", required_argument, NULL, 'u'},
                                         {"seed", required_argument, NULL, 's'},
                                         {"run-dir", required_argument, NULL, 'r'},
                                         {"database", required_argument, NULL, 'd'},
                                         {"help", no_argument, NULL, 'h'},
                                         {"version", no_argument, NULL, 'v'},
                                         {0}};
    int64_t number;
    for (int c; (c = getopt_long(argc, argv, "", LONG, NULL)) != -1;) {
        switch (c) {
        case 'u':
        case 's':
            if (!qn_str_to_i64(qn_str_c(optarg), &number) || number < 1 || number > 10000000) {
                fprintf(stderr, "quintet-seed: --%s: \"%s\" is not allowed; a number from 1 to 10000000\n",
                        c == 'u' ? "users" : "seed", optarg);
                exit(2);
            }
            *(c == 'u' ? &opt->users : (long *)&opt->seed) = (long)number;
            break;
        case 'r':
            opt->run_dir = optarg;
            break;
        case 'd':
            opt->database = optarg;
            break;
        case 'h':
            fputs(HELP, stdout);
            exit(0);
        case 'v':
            puts("quintet-seed " QN_VERSION);
            exit(0);
        default:
            fputs("quintet-seed: --help lists the options\n", stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "quintet-seed: %s: no such option (--help lists what there is)\n", argv[optind]);
        exit(2);
    }
}

static char *path_in(const char *folder, const char *name)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        die("memory", strerror(ENOMEM));
    return path;
}

/* Must be the stack's, or every cookie is void. */
static char *find_secret(const char *endpoints)
{
    const char *given = getenv("BETTER_AUTH_SECRET");
    char *file = value_in(endpoints, "SECRET_FILE");
    char *secret = given && *given ? strdup(given) : file ? value_in(file, "") : NULL;
    if (!secret)
        die("BETTER_AUTH_SECRET", "the stack was given a secret of its own; set the same here");
    free(file);
    return secret;
}

static struct pg_url parse(const char *text)
{
    struct pg_url url;
    struct qn_error err = {0};
    if (pg_url_parse(qn_str_c(text), &url, &err) != QN_OK)
        die("database", err.message);
    return url;
}

/* As an admin, for the application's role has five connections, which the stack itself holds; on the
 * application's database and schema. */
static PGconn *enter(const struct options *opt, const char *endpoints)
{
    char *of_app = opt->database ? strdup(opt->database) : value_in(endpoints, "DATABASE_URL");
    char *of_admin = opt->database ? strdup(opt->database) : value_in(endpoints, "ADMIN_DATABASE_URL");
    if (!of_app)
        die(endpoints, "no stack is running there; start it with `make run`, or give --database");
    if (!of_admin)
        die("database", "the stack runs on one of its own, without an admin; give --database");
    struct pg_url app = parse(of_app), admin = parse(of_admin);
    struct qn_error err = {0};
    PGconn *conn = NULL;
    if (pg_admin_connect(&admin, app.database, &conn, &err) != QN_OK)
        die("database", err.message);
    char set[256], *schema = PQescapeIdentifier(conn, app.schema, strlen(app.schema));
    snprintf(set, sizeof set, "set search_path to %s", schema);
    run(conn, set);
    PQfreemem(schema);
    pg_url_free(&app);
    pg_url_free(&admin);
    free(of_app);
    free(of_admin);
    return conn;
}

int main(int argc, char **argv)
{
    const char *run_dir = getenv("QUINTET_RUN_DIR");
    struct options opt = {.users = 100000, .seed = 1, .run_dir = run_dir && *run_dir ? run_dir : ".quintet"};
    read_options(argc, argv, &opt);

    char *endpoints = path_in(opt.run_dir, "endpoints"), *cookies = path_in(opt.run_dir, "cookies.txt");
    PGconn *conn = enter(&opt, endpoints);
    opt.secret = find_secret(endpoints);
    static char hash[AUTH_PASSWORD_HASH_LEN + 1];
    if (auth_password_hash(QN_STR(SEED_PASSWORD), hash) != QN_OK)
        die("password", "could not be hashed");
    password_hash = hash;
    uint64_t begin = qn_clock_now_ms();
    fill(&opt, conn);
    PQfinish(conn);
    write_cookies(&opt, cookies);
    double seconds = (double)(qn_clock_now_ms() - begin) / 1000;
    printf("quintet-seed: %ld users, sessions and profiles in %.1f s; cookies in %s\n", opt.users, seconds,
           cookies);
    free(opt.secret);
    free(endpoints);
    free(cookies);
    return 0;
}
