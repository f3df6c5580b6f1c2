/*
 * Writing a .npz: a zip archive by APPNOTE 6.3, written front to back into a temporary file that
 * one rename shows.
 *
 *     member    local header, name, [zip64 sizes], data
 *     at last   one central record a member, [zip64 end], end
 *
 * Sizes and offsets from 2^32 - 1 on, and counts from 2^16 - 1 on, go into zip64 fields; those in
 * their place are ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <gref/npy.h>

#include "internal.h"

enum { LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56 + 20 };
enum { LOCAL_EXTRA = 20, CENTRAL_EXTRA = 28, VERSION = 45, UTF8 = 0x800 };
#define MOST32 0xffffffffu

/* What the headers say of a member. */
typedef struct {
    char *name; /* "target/mean/800.npy" */
    uint64_t offset, size, packed;
    uint32_t crc;
    bool deflated, large; /* large: its local header has zip64 sizes */
} member;

struct gref_npz_writer {
    gref_output o;
    json_t *names; /* of all members: a set that refuses what is no UTF-8 */
    member *members;
    int count, room;
    uint64_t at;  /* where the next member begins */
    bool deflate; /* members that follow are compressed */
};

/* Appends the low bytes of value, least significant first. */
static void put(unsigned char **p, uint64_t value, int bytes)
{
    for (int k = 0; k < bytes; k++)
        *(*p)++ = (unsigned char)(value >> 8 * k);
}

/* Version, flags, method, noon of 1 January 1980, CRC and sizes: the same in both headers. */
static void put_facts(unsigned char **p, const member *m, bool ones)
{
    put(p, VERSION, 2);
    put(p, UTF8, 2);
    put(p, m->deflated ? Z_DEFLATED : 0, 2);
    put(p, 12 << 11, 2);
    put(p, 1 << 5 | 1, 2);
    put(p, m->crc, 4);
    put(p, ones ? MOST32 : m->packed, 4);
    put(p, ones ? MOST32 : m->size, 4);
    put(p, strlen(m->name), 2);
}

static gref_status write_all(gref_npz_writer *w, const void *bytes, size_t size)
{
    for (const char *p = bytes; size > 0;) {
        ssize_t done = write(fileno(w->o.fp), p, size);
        REQUIRE(done >= 0 || errno == EINTR, GREF_ERR_IO, "cannot be written: %s", strerror(errno));
        p += done > 0 ? done : 0;
        size -= done > 0 ? (size_t)done : 0;
    }
    return GREF_OK;
}

static gref_status write_local(gref_npz_writer *w, const member *m)
{
    unsigned char header[LOCAL + LOCAL_EXTRA], *p = header;
    put(&p, 0x04034b50, 4);
    put_facts(&p, m, m->large);
    put(&p, m->large ? LOCAL_EXTRA : 0, 2);
    TRY(write_all(w, header, LOCAL));
    TRY(write_all(w, m->name, strlen(m->name)));
    put(&p, 1, 2);
    put(&p, LOCAL_EXTRA - 4, 2);
    put(&p, m->size, 8);
    put(&p, m->packed, 8);
    return write_all(w, header + LOCAL, m->large ? LOCAL_EXTRA : 0);
}

static gref_status write_central(gref_npz_writer *w, const member *m)
{
    unsigned char header[CENTRAL + CENTRAL_EXTRA], *p = header;
    bool large = m->large || m->offset >= MOST32;
    put(&p, 0x02014b50, 4);
    put(&p, 3 << 8 | VERSION, 2); /* made by Unix */
    put_facts(&p, m, large);
    put(&p, large ? CENTRAL_EXTRA : 0, 2);
    put(&p, 0, 6); /* comment, disk, attributes of the contents */
    put(&p, (uint64_t)(S_IFREG | 0644) << 16, 4);
    put(&p, large ? MOST32 : m->offset, 4);
    TRY(write_all(w, header, CENTRAL));
    TRY(write_all(w, m->name, strlen(m->name)));
    put(&p, 1, 2);
    put(&p, CENTRAL_EXTRA - 4, 2);
    put(&p, m->size, 8);
    put(&p, m->packed, 8);
    put(&p, m->offset, 8);
    return write_all(w, header + CENTRAL, large ? CENTRAL_EXTRA : 0);
}

/* The end record; before it that of zip64 where a number has no room. */
static gref_status write_end(gref_npz_writer *w, uint64_t start, uint64_t size)
{
    unsigned char record[END64 + END], *p = record;
    uint64_t count = (uint64_t)w->count;
    bool large = count >= 0xffff || start >= MOST32 || size >= MOST32;
    if (large) {
        put(&p, 0x06064b50, 4);
        put(&p, 44, 8);
        put(&p, 3 << 8 | VERSION, 2);
        put(&p, VERSION, 2);
        put(&p, 0, 8);
        put(&p, count, 8);
        put(&p, count, 8);
        put(&p, size, 8);
        put(&p, start, 8);
        put(&p, 0x07064b50, 4);
        put(&p, 0, 4);
        put(&p, start + size, 8);
        put(&p, 1, 4);
    }
    put(&p, 0x06054b50, 4);
    put(&p, 0, 4);
    put(&p, large ? 0xffff : count, 2);
    put(&p, large ? 0xffff : count, 2);
    put(&p, large ? MOST32 : size, 4);
    put(&p, large ? MOST32 : start, 4);
    put(&p, 0, 2);
    return write_all(w, record, (size_t)(p - record));
}

/**
 * Begins a .npz file, for numpy.load: float64 arrays in C order, stored without compression.
 *
 * Arrays are written at once to a temporary file beside `path`, which gref_npz_finish renames and
 * gref_npz_abandon removes. One writer belongs to one thread at a time.
 *
 * @param[out] w     for gref_npz_finish or gref_npz_abandon. Unchanged on error.
 * @param[in]  path  not a directory, device or pipe; what stands there is replaced at the end.
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @see    numpy.savez. Tests: test_npz_write.c
 */
gref_status gref_npz_create(gref_npz_writer **w, const char *path)
{
    SCOPED_PTR(gref_npz_writer) *made = gref_alloc(1, sizeof *made);
    REQUIRE(made != NULL, GREF_ERR_NOMEM, "%s: no memory to write it", path);
    made->names = json_object();
    REQUIRE(made->names != NULL, GREF_ERR_NOMEM, "%s: no memory to write it", path);
    TRY(gref_output_open(&made->o, path));
    *w = TAKE(made);
    return GREF_OK;
}

/* A member on its way into the archive: what is not finished is taken back when this is freed. */
typedef struct {
    gref_npz_writer *w;
    member m;
    z_stream z;
    bool deflating;
} packer;

static void packer_free(packer *p)
{
    if (p->deflating)
        deflateEnd(&p->z);
    if (p->m.name == NULL)
        return;
    json_object_del(p->w->names, p->m.name);
    free(p->m.name);
    int fd = fileno(p->w->o.fp);
    if (ftruncate(fd, (off_t)p->w->at) == 0)
        lseek(fd, (off_t)p->w->at, SEEK_SET);
}

/* Passes on what zlib has ready, and all of it with Z_FINISH. */
static gref_status drain(packer *p, int flush)
{
    unsigned char chunk[1 << 15];
    do {
        p->z.next_out = chunk;
        p->z.avail_out = sizeof chunk;
        deflate(&p->z, flush);
        size_t ready = sizeof chunk - p->z.avail_out;
        p->m.packed += ready;
        TRY(write_all(p->w, chunk, ready));
    } while (p->z.avail_out == 0);
    return GREF_OK;
}

/* A gref_sink: the next bytes of the member. */
static gref_status pack(void *to, const void *bytes, size_t size)
{
    packer *p = to;
    p->m.crc = (uint32_t)crc32_z(p->m.crc, bytes, size);
    p->m.size += size;
    if (!p->deflating) {
        p->m.packed += size;
        return write_all(p->w, bytes, size);
    }
    for (const unsigned char *at = bytes; size > 0;) {
        uInt part = size < 1 << 30 ? (uInt)size : 1 << 30;
        p->z.next_in = (z_const Bytef *)at;
        p->z.avail_in = part;
        TRY(drain(p, Z_NO_FLUSH));
        at += part;
        size -= part;
    }
    return GREF_OK;
}

/* Begins a member of at most `size` bytes, with a header whose numbers are still missing. */
static gref_status begin(packer *p, gref_npz_writer *w, const char *name, double size)
{
    if (w->count == w->room) {
        int room = 2 * w->room + 16;
        member *larger = realloc(w->members, (size_t)room * sizeof *larger);
        REQUIRE(larger != NULL, GREF_ERR_NOMEM, "no memory to add '%s'", name);
        w->members = larger;
        w->room = room;
    }
    REQUIRE(json_object_get(w->names, name) == NULL, GREF_ERR_RANGE,
            "no member can be named '%s': there is one already", name);
    p->w = w;
    p->m = (member){.name = gref_strdup(name), .offset = w->at, .deflated = w->deflate};
    REQUIRE(p->m.name != NULL, GREF_ERR_NOMEM, "no memory to add '%s'", name);
    REQUIRE(json_object_set_new(w->names, name, json_true()) == 0, GREF_ERR_RANGE,
            "no member can be named '%s': it is no UTF-8", name);
    p->m.large = size > 4e9; /* deflate may add a little */
    if (w->deflate) {
        int code = deflateInit2(&p->z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
        REQUIRE(code == Z_OK, GREF_ERR_NOMEM, "no memory to compress '%s'", name);
        p->deflating = true;
    }
    return write_local(w, &p->m);
}

/* The member is complete: its header again, now with its numbers. */
static gref_status end(packer *p)
{
    gref_npz_writer *w = p->w;
    int fd = fileno(w->o.fp);
    if (p->deflating)
        TRY(drain(p, Z_FINISH));
    off_t here = lseek(fd, 0, SEEK_CUR);
    lseek(fd, (off_t)p->m.offset, SEEK_SET);
    TRY(write_local(w, &p->m));
    REQUIRE(here >= 0 && lseek(fd, here, SEEK_SET) == here, GREF_ERR_IO, "cannot be written: %s",
            strerror(errno));
    w->at = (uint64_t)here;
    w->members[w->count++] = TAKE(p->m);
    return GREF_OK;
}

static gref_status add_array(gref_npz_writer *w, const char *name, gref_cmat A, int ndim)
{
    SCOPED(packer) p = {0};
    SCOPED_MEM char *file = gref_format("%s.npy", name);
    REQUIRE(file != NULL, GREF_ERR_NOMEM, "no memory to add it");
    TRY(gref_npy_require(A, ndim));
    TRY(begin(&p, w, file, 8.0 * A.m * A.n));
    TRY(gref_npy_emit(pack, &p, A, ndim));
    return end(&p);
}

/**
 * Adds one array. It is on disk when this returns: A may change or go.
 *
 * @param[in] w     as it was on error: other arrays may follow.
 * @param[in] name  UTF-8, without ".npy", new; '/' makes a group ("target/mean/800").
 * @param[in] A     m x n, any leading dimension; NaN and infinity are written as they are.
 * @param[in] ndim  0 (A is 1 x 1), 1 (A is m x 1) or 2, as in gref_npy_write.
 * @return GREF_OK; GREF_ERR_RANGE (ndim, or a name that is empty, taken, too long or no UTF-8);
 *         GREF_ERR_SHAPE; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @error  exact.
 * @see    Tests: test_npz_write.c
 */
gref_status gref_npz_add(gref_npz_writer *w, const char *name, gref_cmat A, int ndim)
{
    REQUIRE(name[0] != '\0' && strlen(name) <= GREF_NPZ_NAME, GREF_ERR_RANGE,
            "%s: the name of an array has %zu bytes, not 1 to %d", w->o.target, strlen(name),
            GREF_NPZ_NAME);
    TRY_IN(add_array(w, name, A, ndim), "%s: array '%s'", w->o.target, name);
    return GREF_OK;
}

gref_status gref_npz_add_bytes(gref_npz_writer *w, const char *name, const void *bytes, size_t size)
{
    SCOPED(packer) p = {0};
    TRY_IN(begin(&p, w, name, (double)size), "%s", w->o.target);
    TRY_IN(pack(&p, bytes, size), "%s: '%s'", w->o.target, name);
    TRY_IN(end(&p), "%s: '%s'", w->o.target, name);
    return GREF_OK;
}

void gref_npz_deflate(gref_npz_writer *w)
{
    w->deflate = true;
}

/**
 * Writes the directory of the archive and shows it under its name. Frees w, also on error; then the
 * target is as it was, and nothing else is left.
 *
 * The same arrays in the same order give the same bytes.
 *
 * @return GREF_OK; GREF_ERR_IO; GREF_ERR_NOMEM.
 * @see    Tests: test_npz_write.c
 */
gref_status gref_npz_finish(gref_npz_writer *w)
{
    SCOPED_PTR(gref_npz_writer) *done = w;
    for (int k = 0; k < w->count; k++)
        TRY_IN(write_central(w, &w->members[k]), "%s", w->o.target);
    off_t here = lseek(fileno(w->o.fp), 0, SEEK_CUR);
    TRY_IN(write_end(w, w->at, (uint64_t)here - w->at), "%s", w->o.target);
    return gref_output_commit(&done->o);
}

/** Ends a .npz file without writing it: removes what was kept and frees w. Accepts NULL. */
void gref_npz_abandon(gref_npz_writer *w)
{
    if (w == NULL)
        return;
    for (int k = 0; k < w->count; k++)
        free(w->members[k].name);
    free(w->members);
    json_decref(w->names);
    gref_output_free(&w->o);
    free(w);
}
