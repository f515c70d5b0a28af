/*
 * Mail on its way: allocation, the choice between the loop's own queue and another loop's inbox,
 * and what becomes of mail that nobody can take. The inbox is a stack that producers push with one
 * compare-and-swap and its loop takes whole and turns round, so mail of one producer stays in
 * order.
 */
#include <stdlib.h>

#include "runtime.h"

/* Mail is freed where it was read. A sanitizer should see every use after free, so it gets no list.
 */
#if defined(__SANITIZE_ADDRESS__)
static const uint32_t free_mail_max = 0;
#else
static const uint32_t free_mail_max = 4096;
#endif

struct mail *mail_make(enum mail_op op, actor_id to, struct msg m)
{
    struct loop *l = loop_here;
    struct mail *mail;
    if (l && l->free_mail) {
        mail = l->free_mail;
        l->free_mail = mail->next;
        l->free_mail_count--;
    } else {
        mail = xmalloc(sizeof(*mail));
    }
    *mail = (struct mail){.to = to, .m = m, .op = op};
    return mail;
}

void mail_free(struct mail *mail)
{
    struct loop *l = loop_here;
    if (mail->m.body)
        body_unref(mail->m.body);
    if (!l || l->free_mail_count >= free_mail_max) {
        free(mail);
        return;
    }
    mail->next = l->free_mail;
    l->free_mail = mail;
    l->free_mail_count++;
}

void mail_pool_finish(struct loop *l)
{
    while (l->free_mail) {
        struct mail *mail = l->free_mail;
        l->free_mail = mail->next;
        free(mail);
    }
    l->free_mail_count = 0;
}

/*
 * The loop says `asleep` and then looks into its inbox once more; we push and then look at
 * `asleep`. Both in the one total order of seq_cst, so one of us sees the other. Who clears it
 * sends the wake-up.
 */
static void inbox_push(struct loop *l, struct mail *mail)
{
    struct mail *old = atomic_load_explicit(&l->inbox, memory_order_relaxed);
    do {
        mail->next = old;
    } while (!atomic_compare_exchange_weak_explicit(&l->inbox, &old, mail, memory_order_seq_cst,
                                                    memory_order_relaxed));
    if (atomic_load(&l->asleep) && atomic_exchange(&l->asleep, false))
        loop_wake(l);
}

void mail_post(struct mail *mail)
{
    struct loop *l = loop_at(id_loop(mail->to));
    if (!l)
        mail_free(mail);
    else if (l == loop_here)
        mail_deliver(l, mail);
    else
        inbox_push(l, mail);
}

void inbox_drain(struct loop *l)
{
    struct mail *newest = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
    struct mail *oldest = NULL;
    uint64_t n = 0;
    while (newest) {
        struct mail *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
        n++;
    }
    count64(&l->messages_remote, n);
    while (oldest) {
        struct mail *next = oldest->next;
        mail_deliver(l, oldest);
        oldest = next;
    }
}

/* What the sender is told about mail that was not taken; a plain send is told nothing. */
static void refuse(struct mail *mail, int status)
{
    const struct msg *m = &mail->m;
    bool question = mail->op == MAIL_MESSAGE && m->ref;
    if (question || mail->op == MAIL_WATCH)
        mail_post(mail_make(MAIL_ANSWER, m->from,
                            (struct msg){.kind = question ? MSG_REPLY : MSG_DOWN,
                                         .status = status,
                                         .from = mail->to,
                                         .ref = m->ref}));
    mail_free(mail);
}

static void take(struct loop *l, struct actor *a, struct mail *mail)
{
    const struct actor_type *type = a->type;
    if (mail->op == MAIL_WATCH || (mail->op == MAIL_MESSAGE && mail->m.ref))
        a->watchers |= UINT64_C(1) << id_loop(mail->m.from);
    if (mail->op == MAIL_WATCH || mail->op == MAIL_ACTIVATE) {
        mail_free(mail);
        return;
    }
    if (mail->op != MAIL_MESSAGE) {
        actor_enqueue(l, a, mail); /* the runtime's own mail is bounded by what asked for it */
        return;
    }
    if (!type->receive || a->waiting >= (type->mailbox_max ? type->mailbox_max : MAILBOX_DEFAULT)) {
        count64(&l->mail_refused, 1);
        refuse(mail, type->receive ? -ENOBUFS : -EOPNOTSUPP);
        return;
    }
    a->waiting++;
    tally_add(&l->mail_waiting, 1);
    actor_enqueue(l, a, mail);
}

void mail_deliver(struct loop *l, struct mail *mail)
{
    if (mail->op == MAIL_ENDED) {
        pending_target_ended(l, mail->m.from, mail->m.status);
        mail_free(mail);
        return;
    }
    struct actor *a = actor_lookup(l, mail->to);
    if (!a && (id_slot(mail->to) & SLOT_NAMED))
        a = registry_activate(l, mail->to);
    if (a)
        take(l, a, mail);
    else
        refuse(mail, -ESRCH);
}
