/*
 * Model of the pipe to the loop: pool/wake.c, and the completion list of pool/complete.c.
 *
 * Proved: no finished job and no post stays on its list while the loop sleeps and nobody is about to write a byte; none
 * is lost or taken twice; in the end no byte is left in the pipe (the descriptor would be readable for ever) and none is
 * waited for that nobody owes. Loops that prepare or dispatch twice in a turn, that wake by themselves, that take one job
 * a turn, that never prepare, and that never prepare but are in a drain's own turns.
 *
 * How: a lost wake is a loop that waits for ever: an invalid end state. What the loop does without need comes out of a
 * budget (`extra`), or it would be woken by itself from every lost wake.
 *
 *   step here            function, and the order that it stands for
 *   push                 tti_complete_push: load relaxed, compare-and-swap seq_cst
 *   post                 tt_wake_post: the same stack; one node is enough here, push has the races
 *   ring                 tti_wake_ring: load seq_cst, exchange seq_cst, write
 *   arm, disarm          arm, disarm in wake.c: exchange seq_cst, each
 *   has_work             has_work in wake.c: loads seq_cst. With any weaker order in arm, ring, push or has_work the two
 *                        looks could come before the two stores: that is BREAK_look_before_arm and BREAK_ring_before_push
 *   collect              collect in complete.c: exchange acquire; then one pass turns the list round, behind what is pending
 *   prepare, dispatch    tt_wake_prepare, tt_wake_dispatch
 *   drain_turn           turn in pool.c
 *
 * run: turns           -DPREPARE -DJOBS=1 -DROUNDS=2 -DEXTRA=3
 * run: again           -DPREPARE -DROUNDS=2 -DEXTRA=1 -DNO_POST
 * run: never_turns     -DJOBS=1 -DROUNDS=2 -DEXTRA=3
 * run: never_workers   -DEXTRA=0
 * run: edge            -DPREPARE -DEDGE -DJOBS=1 -DROUNDS=2 -DEXTRA=3
 * run: never_edge      -DEDGE -DJOBS=1 -DROUNDS=2 -DEXTRA=3
 * run: full_pipe       -DPREPARE -DPIPE_MAX=1 -DJOBS=1 -DROUNDS=2
 *
 * break: look_before_arm       again         prepare looks at the lists, then says that it sleeps
 * break: ring_before_push      again         the worker looks at is_asleep, then pushes
 * break: push_by_store         again         compare-and-swap becomes load and store
 * break: ring_by_store         again         exchange becomes load and store: two write a byte for one sleep
 * break: collect_by_store      again         the list is read, then emptied
 * break: arm_by_store          again         arm does not see that the last sleep was answered: a byte is forgotten
 * break: arm_counts_always     again         arm counts a byte even when nobody could have answered
 * break: disarm_counts_always  turns         the second dispatch of a turn waits for a byte that nobody owes
 * break: no_posts_in_work      turns         prepare does not look at the posts
 * break: no_pending_in_work    again         prepare does not look at what the last turn had no room for
 * break: end_stays             again         what is collected next goes to where the list ended before
 * break: end_not_reset         again         the list was emptied, and still ends at the last job
 * break: no_look_after_arm     never_turns   the loop that never prepares arms and does not look again
 * break: no_arm_after_turn     never_turns   a drain's turn does not arm again for the loop that never prepares
 */
#ifndef PIPE_MAX
#define PIPE_MAX 8
#endif
#ifndef JOBS
#define JOBS 2 /* each has a worker; the first finishes its job ROUNDS times, the others once */
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef EXTRA
#define EXTRA 2
#endif
#ifdef NO_POST
#define ALL (JOBS + ROUNDS - 1)
#else
#define ALL (JOBS + ROUNDS)
#endif
#define BIT(j) (1 << (j))

byte finished; /* the newest job, 0: none */
byte next[JOBS + 1];
bool posts;
bit is_asleep = 1; /* tt_wake_create: a loop that never prepares is asleep from the start */
byte pipe_bytes;
bool edge; /* an edge-triggered descriptor has something to say */
bool is_out[JOBS + 1]; /* finished, and its done not called yet */
byte ended_count;

/* onloop */
bool is_armed = true;
bool uses_prepare;
byte bytes_expected;
byte pending;     /* 0: none */
byte pending_end; /* whose `next` ends the list; 0: pending itself */

inline write_byte() {
    atomic {
        if
        :: pipe_bytes < PIPE_MAX -> pipe_bytes++; edge = true
        :: else /* EAGAIN */
        fi
    }
}

inline ring(old) {
#ifdef BREAK_ring_by_store
    if
    :: is_asleep == 0
    :: else -> is_asleep = 0; write_byte()
    fi
#else
    if
    :: is_asleep == 0
    :: else ->
        atomic { old = is_asleep; is_asleep = 0 }
        if
        :: old == 0
        :: else -> old = 0; write_byte()
        fi
    fi
#endif
}

inline push(job) {
    newest = finished;
    do
    :: next[job] = newest;
#ifdef BREAK_push_by_store
       finished = job;
       newest = 0;
       break
#else
       atomic {
           if
           :: finished == newest -> finished = job; newest = 0; break
           :: else -> newest = finished
           fi
       }
#endif
    od
}

proctype worker(byte job) {
    byte newest, round;
    bit old;
    do
    :: round == (job == 1 -> ROUNDS : 1) -> break
    :: else ->
        atomic { !is_out[job] -> is_out[job] = true } /* submitted again by its release */
#ifdef BREAK_ring_before_push
        ring(old);
        push(job);
#else
        push(job);
        ring(old);
#endif
        round++
    od;
    ended_count++
}

proctype poster() {
    bit old;
    posts = true;
    ring(old);
    ended_count++
}

inline arm() {
    atomic {
#ifdef BREAK_arm_by_store
        is_asleep = 1;
#else
#ifdef BREAK_arm_counts_always
        if
        :: is_asleep == 0 -> bytes_expected++
        :: else
        fi;
#else
        if
        :: is_asleep == 0 && is_armed -> bytes_expected++
        :: else
        fi;
#endif
        is_asleep = 1;
#endif
        is_armed = true
    }
}

inline disarm() {
    atomic {
#ifdef BREAK_disarm_counts_always
        if
        :: is_asleep == 0 -> bytes_expected++
        :: else
        fi;
        is_asleep = 0;
#else
        if
        :: is_armed && is_asleep == 0 -> bytes_expected++
        :: else
        fi;
        if
        :: is_armed -> is_asleep = 0
        :: else
        fi;
#endif
        is_armed = false
    }
    do
    :: bytes_expected > 0 -> /* one read, which takes all that is there */
        atomic {
            if
            :: pipe_bytes == 0 -> break /* EAGAIN: the next turn looks again */
            :: else ->
                if
                :: pipe_bytes < bytes_expected -> bytes_expected = bytes_expected - pipe_bytes
                :: else -> bytes_expected = 0
                fi;
                pipe_bytes = 0
            fi
        }
    :: else -> break
    od
}

inline has_work() {
    work = false;
#ifndef BREAK_no_pending_in_work
    work = pending != 0;
#endif
    if
    :: finished != 0 -> work = true
    :: else
    fi;
#ifndef BREAK_no_posts_in_work
    if
    :: posts -> work = true
    :: else
    fi
#endif
}

inline prepare() {
    uses_prepare = true;
#ifdef BREAK_look_before_arm
    has_work();
    arm();
#else
    arm();
    has_work();
#endif
}

inline collect() {
#ifdef BREAK_collect_by_store
    newest = finished;
    finished = 0;
#else
    atomic { newest = finished; finished = 0 }
#endif
    d_step { /* oldest first, behind what is pending; the nodes are the loop's alone */
        if
        :: newest != 0 ->
            room = pending_end;
#ifndef BREAK_end_stays
            pending_end = newest; /* it comes last */
#endif
            do
            :: newest != 0 ->
                assert(is_out[newest]);
                after = next[newest];
                next[newest] = job;
                job = newest;
                newest = after
            :: else -> break
            od;
            if
            :: room == 0 -> pending = job
            :: else -> next[room] = job
            fi;
            room = 0;
            after = 0;
            job = 0
        :: else
        fi
    }
}

/* One job, or all; none for the dispatch that only arms. */
inline dispatch(max) {
    disarm();
    if
    :: posts -> posts = false; handled++
    :: else
    fi;
    if
    :: finished == 0
    :: else -> collect()
    fi;
    atomic {
        room = max;
        do
        :: pending == 0 || room == 0 -> break
        :: pending != 0 && room > 0 ->
            job = pending;
            pending = next[job];
#ifndef BREAK_end_not_reset
            if
            :: pending == 0 -> pending_end = 0
            :: else
            fi;
#endif
            assert(is_out[job]); /* not taken twice */
            handled++;
            room--;
            is_out[job] = false
        od;
        job = 0;
        room = 0
    }
    if
    :: uses_prepare
    :: else ->
        arm();
#ifndef BREAK_no_look_after_arm
        has_work();
        if
        :: work -> ring(old)
        :: else
        fi
#endif
    fi
}

inline dispatch_some() {
    if
    :: most = 1
    :: most = JOBS
    fi;
    dispatch(most);
    most = 0
}

/* epoll_wait or poll: returns when the descriptor is readable, or by a timer or another descriptor. */
inline sleep(is_long) {
    if
#ifdef EDGE
    :: atomic { edge -> edge = false }
#else
    :: pipe_bytes > 0
#endif
    :: !(is_long) -> edge = false
    :: extra > 0 -> extra--
    fi
}

inline drain_turn() {
    prepare();
    sleep(!work);
    dispatch(JOBS);
    uses_prepare = false;
#ifndef BREAK_no_arm_after_turn
    dispatch(0)
#endif
}

active proctype loop() {
    byte newest, job, handled, room, most, after;
    byte extra = EXTRA;
    bool work;
    bit old;
    atomic {
        run worker(1);
#if JOBS == 2
        run worker(2);
#endif
#ifdef NO_POST
        ended_count++
#else
        run poster()
#endif
    }
    do
    :: handled == ALL -> break
    :: else ->
#ifdef PREPARE
        prepare();
        do /* prepares twice */
        :: extra > 0 -> extra--; prepare()
        :: break
        od;
        sleep(!work);
        dispatch_some();
        if /* dispatches twice */
        :: extra > 0 -> extra--; dispatch_some()
        :: true
        fi
#else
        if
        :: extra > 0 -> extra--; drain_turn() /* between two sleeps, from its own code */
        :: sleep(true); dispatch_some()
        fi
#endif
    od;
    ended_count == JOBS + 1;
    disarm();
    assert(pipe_bytes == 0 && finished == 0 && !posts && pending == 0);
#if PIPE_MAX > 1
    assert(bytes_expected == 0)
#endif
}
