/*
 * Model of circles: pool/circle.c, with what it shares with pool/nest.c. Parents on the workers of small pools wait for one
 * child each, in another pool or for a permit; some of them for each other.
 *
 * Proved: whatever goes to sleep when, and whoever gets to the loop first, all parents wake. In a circle exactly one child is
 * taken back, and never that of a parent outside of it; where a thread that is awake still comes, none is.
 *
 * How: a hang is an invalid end state; how many children were taken back is compared at the end. A thread that isn't a
 * parent's serves its pool's queue after a while (BUSY), or ends (ENDS), or holds the permit (LIVE). In the variant OUTSIDE a
 * third parent waits for the circle, and is not in it; in LINE a job that only the parent's thread can run comes first in the
 * line for the permit. Children that are parents themselves are check_circle.c's.
 *
 * What the protocol must keep, found here; each line has its break:
 *   - asleep first, then the post; and the loop takes the post's mark away before it looks at who is asleep;
 *   - a nest whose thread the loop has woken is not known as asleep any more;
 *   - sleepers are looked at one after the other: those that were not are as good as awake.
 *
 *   step here            function, and the order that it stands for
 *   flags                nest->flags: tti_flags_raise (fetch_or release), tti_flags_wait (exchange acquire),
 *                        tti_flags_lie_down (compare and exchange, release). The kernel's part is park.pml's
 *   has_post             wake->has_circle_post: exchange acq_rel on both sides
 *   is_posted            wake->posts: see wake.pml
 *   can_end, can_start   each a look under one pool's lock; permits are the loop's own
 *   let_out              let_out with find_unstarted
 *
 * run: cross           -DCROSS -DEXPECTED=1
 * run: busy            -DCROSS -DBUSY -DEXPECTED=0
 * run: ends            -DCROSS -DENDS -DEXPECTED=1
 * run: outside         -DCROSS -DOUTSIDE -DEXPECTED=1
 * run: permit          -DPERMIT -DEXPECTED=1
 * run: live            -DPERMIT -DLIVE -DEXPECTED=0
 * run: line            -DPERMIT -DLIVE -DLINE -DEXPECTED=1
 *
 * break: post_before_sleep    cross    the loop is told first
 * break: mark_after_look      cross    the post's mark is taken away when the loop has looked
 * break: end_unseen           ends     nobody looks again when a thread has ended
 * break: woken_stays_known    live     a nest is known as asleep until it is over
 * break: all_at_once          outside  all sleepers are known before the first is looked at
 * break: queued_holds_none    permit   a permit counts as lost only when a sleeper has it
 * break: first_in_line        line     those that are before it in the line are forgotten
 * break: parent_is_stuck      live     a sleeper doesn't wake for its own child
 */
#define BIT(n) (1 << (n))
#define LOOK   1
#define OVER   2
#define ASLEEP 4

/* Threads and their parents and these parents' children have the same number. The last job holds the permit; job 2 is a
   plain one in LINE. */
#define HOLDER 3
#define NOBODY 9
#if defined(OUTSIDE)
#define PARENTS 3
#elif defined(LINE)
#define PARENTS 1
#else
#define PARENTS 2
#endif

#ifdef CROSS
#ifdef OUTSIDE
#define POOL(thread) (thread)
#else
#define POOL(thread) (thread == 1)
#endif
#define JOB_POOL(job) (job == 0)
#else
#define POOL(thread)  (thread == 2)
#define JOB_POOL(job) 0
#endif
#define IS_OWN(job) (job < PARENTS && JOB_POOL(job) == POOL(job))

mtype = { IDLE, LIMITED, QUEUED, DEALT, FINISHED };

mtype phase[4] = IDLE;
byte on[4];      /* its thread, while DEALT */
byte threads[3]; /* of a pool */
byte finished;   /* a set */
byte flags[3];
byte sent;       /* a set: begun nests, on their way to the loop */
bool has_post;
bool is_posted;
bool has_gone;
bool is_over;    /* the loop's end, told to threads that would serve for ever */

/* The loop's. */
byte is_seen; /* nests known as asleep: nest->is_asleep */
byte listed;  /* begun, and not over */
byte stuck;   /* threads */
byte taken_back;
byte holder = NOBODY;
byte line[2] = NOBODY;

#define STUCK_IN(pool) \
    (((stuck >> 0) & 1 & (POOL(0) == pool)) + ((stuck >> 1) & 1 & (POOL(1) == pool)) + \
     ((stuck >> 2) & 1 & (POOL(2) == pool)))

inline finish(job) { atomic { phase[job] = FINISHED; finished = finished | BIT(job) } }

inline look_soon() {
    atomic { had = has_post; has_post = true }
    if
    :: had
    :: else -> is_posted = true
    fi
}

/* -- threads -- */

inline serve(me) {
    do
    :: atomic {
           if
           :: phase[0] == QUEUED && JOB_POOL(0) == POOL(me) -> job = 0
           :: phase[1] == QUEUED && JOB_POOL(1) == POOL(me) -> job = 1
           :: phase[2] == QUEUED && JOB_POOL(2) == POOL(me) -> job = 2
           :: phase[HOLDER] == QUEUED && JOB_POOL(HOLDER) == POOL(me) -> job = HOLDER
           :: is_over -> break
           fi;
           phase[job] = DEALT;
           on[job] = me
       }
       finish(job)
    od
}

proctype parent(byte me) {
    byte bits, job;
    bool had, is_asleep;
    flags[me] = ASLEEP; /* without a word: the loop doesn't know the nest yet */
    atomic { sent = sent | BIT(me) }
    do
    :: atomic { (flags[me] & (LOOK | OVER)) != 0 -> bits = flags[me]; flags[me] = 0 }
       if
       :: (bits & OVER) != 0 -> break
       :: else
       fi;
       atomic {
           is_asleep = false; /* here: has a child */
           if
           :: IS_OWN(me) && phase[me] == QUEUED -> phase[me] = DEALT; on[me] = me; is_asleep = true
           :: else
           fi
       }
       if
       :: is_asleep -> finish(me)
       :: else
       fi;
#ifdef BREAK_post_before_sleep
       if
       :: flags[me] == 0 -> look_soon()
       :: else
       fi;
#endif
       atomic { is_asleep = flags[me] == 0; flags[me] = (is_asleep -> ASLEEP : flags[me]) }
#ifndef BREAK_post_before_sleep
       if
       :: is_asleep -> look_soon()
       :: else
       fi
#endif
    od;
    serve(me)
}

#if defined(BUSY) || defined(LIVE) || defined(ENDS)
proctype other() {
    byte job;
#ifdef LIVE
    finish(HOLDER);
#endif
#ifdef ENDS
    atomic { threads[POOL(2)]--; has_gone = true }
#else
    serve(2)
#endif
}
#endif

/* -- the loop -- */

inline raise(nest, bits) { flags[nest] = flags[nest] | bits }

inline wake_for_child(nest) {
#ifndef BREAK_woken_stays_known
    is_seen = is_seen & ~BIT(nest);
#endif
    raise(nest, LOOK)
}

inline on_start(nest) {
    atomic {
        sent = sent & ~BIT(nest);
        listed = listed | BIT(nest);
#ifdef PERMIT
        phase[nest] = LIMITED;
        if
        :: line[0] == NOBODY -> line[0] = nest
        :: else -> line[1] = nest
        fi;
        if
        :: holder == NOBODY -> pass_permit()
        :: else
        fi
#else
        phase[nest] = QUEUED
#endif
    }
    wake_for_child(nest)
}

/* To the first in the line. Its parent looks for it. */
inline pass_permit() {
    holder = line[0];
    line[0] = line[1];
    line[1] = NOBODY;
    if
    :: holder != NOBODY -> phase[holder] = QUEUED; wake_for_child(holder)
    :: else
    fi
}

inline dispatch() {
    atomic {
        if
        :: (finished & BIT(0)) != 0 -> job = 0
        :: (finished & BIT(1)) != 0 -> job = 1
        :: (finished & BIT(2)) != 0 -> job = 2
        :: (finished & BIT(HOLDER)) != 0 -> job = HOLDER
        fi;
        finished = finished & ~BIT(job);
        phase[job] = IDLE;
        if
        :: job < PARENTS -> ended_count++; listed = listed & ~BIT(job); is_seen = is_seen & ~BIT(job); raise(job, OVER)
        :: else
        fi;
        if
        :: job == holder -> pass_permit()
        :: else
        fi;
        job = 0
    }
}

inline can_start(which) {
    atomic {
        ok = threads[JOB_POOL(which)] > STUCK_IN(JOB_POOL(which));
#ifndef BREAK_parent_is_stuck
        ok = ok || (IS_OWN(which) && (is_seen & BIT(which)) != 0);
#endif
        ok = ok || (IS_OWN(which) && (stuck & BIT(which)) == 0)
    }
}

inline can_end(which) {
    if
    :: phase[which] == LIMITED ->
        ok = true;
        if
        :: atomic { phase[holder] == DEALT -> ok = (stuck & BIT(on[holder])) == 0 }
#ifndef BREAK_queued_holds_none
        :: phase[holder] == QUEUED -> can_start(holder)
#endif
        :: else
        fi;
#ifndef BREAK_first_in_line
        if
        :: ok && line[1] == which -> can_start(line[0])
        :: else
        fi;
#endif
        if
        :: ok -> can_start(which)
        :: else
        fi
    :: atomic { phase[which] == DEALT -> ok = (stuck & BIT(on[which])) == 0 }
    :: phase[which] == QUEUED -> can_start(which)
    :: phase[which] == FINISHED || phase[which] == IDLE -> ok = true
    fi
}

inline take_back(which) {
    atomic {
        assert(phase[which] == LIMITED || phase[which] == QUEUED);
        if
        :: phase[which] == LIMITED ->
            line[0] = (line[0] == which -> line[1] : line[0]);
            line[1] = NOBODY
        :: else
        fi;
        taken_back = taken_back | BIT(which);
        phase[which] = FINISHED;
        finished = finished | BIT(which)
    }
}

inline let_out(nest) {
    stuck = is_seen;
    do
    :: can_end(nest);
       if
       :: ok -> break
       :: else
       fi;
       before = stuck;
       other_nest = 0;
       do
       :: other_nest < PARENTS ->
           if
           :: (stuck & BIT(other_nest)) != 0 ->
               can_end(other_nest);
               stuck = (ok -> stuck & ~BIT(other_nest) : stuck)
           :: else
           fi;
           other_nest++
       :: else -> break
       od;
       if
       :: stuck == before -> take_back(nest); break
       :: else
       fi
    od;
    atomic { stuck = 0; before = 0; other_nest = 0; ok = false }
}

inline on_look() {
    is_posted = false;
#ifndef BREAK_mark_after_look
    has_post = false;
#endif
#ifdef BREAK_all_at_once
    is_seen = is_seen | (listed & ((flags[0] == ASLEEP) | (flags[1] == ASLEEP) << 1 | (flags[2] == ASLEEP) << 2));
#endif
    nest = PARENTS;
    do
    :: nest > 0 ->
        nest--;
        if
#ifdef BREAK_all_at_once
        :: (listed & BIT(nest)) != 0 && flags[nest] == ASLEEP ->
#else
        :: (listed & ~is_seen & BIT(nest)) != 0 && flags[nest] == ASLEEP ->
#endif
            is_seen = is_seen | BIT(nest);
            let_out(nest)
        :: else
        fi
    :: else -> break
    od;
#ifdef BREAK_mark_after_look
    has_post = false;
#endif
    nest = 0
}

active proctype loop() {
    byte job, nest, other_nest, before, ended_count;
    bool ok, had;
    atomic {
        threads[POOL(0)]++;
        run parent(0);
#ifndef LINE
        threads[POOL(1)]++;
        run parent(1);
#endif
#ifdef OUTSIDE
        threads[POOL(2)]++;
        run parent(2);
#endif
#if defined(BUSY) || defined(LIVE) || defined(ENDS)
        threads[POOL(2)]++;
        run other();
#endif
#ifdef LINE
        phase[2] = LIMITED;
        line[0] = 2;
#endif
#ifdef PERMIT
        holder = HOLDER;
#ifdef LIVE
        phase[HOLDER] = DEALT;
        on[HOLDER] = 2
#else
        phase[HOLDER] = QUEUED
#endif
#endif
    }
    do
    :: (sent & BIT(0)) != 0 -> on_start(0)
    :: (sent & BIT(1)) != 0 -> on_start(1)
    :: (sent & BIT(2)) != 0 -> on_start(2)
    :: finished != 0 -> dispatch()
    :: is_posted -> on_look()
    :: has_gone ->
        has_gone = false;
#ifndef BREAK_end_unseen
        is_seen = 0;
        look_soon()
#endif
    :: ended_count == PARENTS && finished == 0 && phase[2] == IDLE && phase[HOLDER] == IDLE -> break
    od;
    is_over = true;
    assert(holder == NOBODY && stuck == 0);
    assert((taken_back & 1) + ((taken_back >> 1) & 1) + (taken_back >> 2) == EXPECTED);
    assert((taken_back & BIT(2)) == 0)
}
