/*
 * Password hashes: argon2id (19 MiB, 2 passes, 1 lane) in its encoded form, and bcrypt as an
 * adopted database has it. Every call takes tens of milliseconds: thread pool only.
 */
#ifndef STACGATE_SERVICES_PASSWORD_H
#define STACGATE_SERVICES_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#define PASSWORD_MIN 8    /* characters */
#define PASSWORD_MAX 1024 /* characters; 4 KiB of UTF-8 */

char *password_make(const char *password, size_t n); /* argon2id, encoded; free() */
bool password_fits(const char *password, size_t n,
                   const char *hash);     /* hash NULL: does the same work and says no */
bool password_outdated(const char *hash); /* weaker than what password_make gives */

/* Is it one of the common passwords (any case), or one of them with a usual ending? */
bool password_common(const char *password, size_t n);
extern const char *const common_passwords[]; /* sorted, lower case */
extern const unsigned common_password_count;

#endif
