/* Another module in the same server, as strangers write them: it calls commands on behalf of nobody, and does to keys
 * what it likes while it hears of them. Compiled by the tests; needs no header of the server's. */
#include <stddef.h>
#include <string.h>

typedef struct Ctx Ctx;
typedef struct Text Text;
typedef struct Reply Reply;
typedef struct Key Key;
typedef struct Type Type;

static int (*GetApi)(const char *, void *);
static int (*SetModuleAttribs)(Ctx *, const char *, int, int);
static int (*CreateCommand)(Ctx *, const char *, int (*)(Ctx *, Text **, int), const char *, int, int, int);
static int (*SubscribeToKeyspaceEvents)(Ctx *, int, int (*)(Ctx *, int, const char *, Text *));
static Reply *(*Call)(Ctx *, const char *, const char *, ...);
static void (*FreeCallReply)(Reply *);
static int (*ReplyWithCallReply)(Ctx *, Reply *);
static int (*ReplyWithError)(Ctx *, const char *);
static int (*ReplyWithSimpleString)(Ctx *, const char *);
static const char *(*StringPtrLen)(const Text *, size_t *);
static Type *(*CreateDataType)(Ctx *, const char *, int, void *);
static Key *(*OpenKey)(Ctx *, Text *, int);
static int (*ModuleTypeSetValue)(Key *, Type *, void *);
static void (*CloseKey)(Key *);

enum { EXPIRED_CLASS = 1 << 8, KEY_MISS_CLASS = 1 << 11, MODULE_CLASS = 1 << 13 };
static char on_event[64];
static char other_key[64];
static int is_busy;

/* NEIGHBOUR.RUN command argument …: as no user at all. */
static int run(Ctx *ctx, Text **argv, int argc) {
    if (argc < 2) return ReplyWithError(ctx, "ERR what?");
    Reply *reply = Call(ctx, StringPtrLen(argv[1], NULL), "!Ev", argv + 2, (size_t)argc - 2);
    if (!reply) return ReplyWithError(ctx, "ERR no reply");
    ReplyWithCallReply(ctx, reply);
    FreeCallReply(reply);
    return 0;
}

/* NEIGHBOUR.REPLACE event [key]: from now on a key that the event names, or that other one instead, is deleted at once,
 * and made anew with another stream for its signals, so that the memory that was freed is taken again. */
static int replace(Ctx *ctx, Text **argv, int argc) {
    if (argc < 2) return ReplyWithError(ctx, "ERR which event?");
    strncpy(other_key, argc > 2 ? StringPtrLen(argv[2], NULL) : "", sizeof other_key - 1);
    strncpy(on_event, StringPtrLen(argv[1], NULL), sizeof on_event - 1);
    return ReplyWithSimpleString(ctx, "OK");
}

static Type *own_type;

/* What the server wants of a type, version 1. Values are nothing but there. */
static void *load(void *io, int version) { (void)io, (void)version; return NULL; }
static void save(void *io, void *value) { (void)io, (void)value; }
static void rewrite(void *io, Text *key, void *value) { (void)io, (void)key, (void)value; }
static void release(void *value) { (void)value; }
static struct {
    unsigned long long version;
    void *load, *save, *rewrite, *memory, *digest, *release;
} methods = {1, load, save, rewrite, NULL, NULL, release};

/* NEIGHBOUR.PUT key: a value of the neighbour's own type. */
static int put(Ctx *ctx, Text **argv, int argc) {
    enum { READ_AND_WRITE = 3 };
    if (argc != 2) return ReplyWithError(ctx, "ERR where?");
    Key *key = OpenKey(ctx, argv[1], READ_AND_WRITE);
    ModuleTypeSetValue(key, own_type, &methods);
    CloseKey(key);
    return ReplyWithSimpleString(ctx, "OK");
}

static int heard(Ctx *ctx, int type, const char *event, Text *key) {
    (void)type;
    if (is_busy || strcmp(event, on_event) != 0) return 0;
    is_busy = 1;
    const char *name = other_key[0] ? other_key : StringPtrLen(key, NULL);
    Reply *deleted = Call(ctx, "DEL", "c", name);
    Reply *made = Call(ctx, "LIQ.CREATE", "ccc", name, "SIGNALS", "elsewhere");
    if (deleted) FreeCallReply(deleted);
    if (made) FreeCallReply(made);
    is_busy = 0;
    return 0;
}

int RedisModule_OnLoad(Ctx *ctx, Text **argv, int argc) {
    (void)argv, (void)argc;
    GetApi = ((int (**)(const char *, void *))ctx)[0];
    GetApi("RedisModule_SetModuleAttribs", &SetModuleAttribs);
    GetApi("RedisModule_CreateCommand", &CreateCommand);
    GetApi("RedisModule_SubscribeToKeyspaceEvents", &SubscribeToKeyspaceEvents);
    GetApi("RedisModule_Call", &Call);
    GetApi("RedisModule_FreeCallReply", &FreeCallReply);
    GetApi("RedisModule_ReplyWithCallReply", &ReplyWithCallReply);
    GetApi("RedisModule_ReplyWithError", &ReplyWithError);
    GetApi("RedisModule_ReplyWithSimpleString", &ReplyWithSimpleString);
    GetApi("RedisModule_StringPtrLen", &StringPtrLen);
    GetApi("RedisModule_CreateDataType", &CreateDataType);
    GetApi("RedisModule_OpenKey", &OpenKey);
    GetApi("RedisModule_ModuleTypeSetValue", &ModuleTypeSetValue);
    GetApi("RedisModule_CloseKey", &CloseKey);
    SetModuleAttribs(ctx, "neighbour", 1, 1);
    own_type = CreateDataType(ctx, "neighbors", 0, &methods);
    return CreateCommand(ctx, "neighbour.put", put, "write", 1, 1, 1) ||
           CreateCommand(ctx, "neighbour.run", run, "write", 0, 0, 0) ||
           CreateCommand(ctx, "neighbour.replace", replace, "", 0, 0, 0) ||
           SubscribeToKeyspaceEvents(ctx, EXPIRED_CLASS | KEY_MISS_CLASS | MODULE_CLASS, heard);
}
