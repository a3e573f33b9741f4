// The same program in C++, with the binding for poll(2).
#include <cinttypes>
#include <cstdio>
#include <tothread/bind/poll.h>
#include <tothread/pool.h>

namespace {

struct Sum {
    tt_job job{};
    std::uint64_t up_to = 0;
    std::uint64_t result = 0;

    static Sum &of(tt_job *job) { return *reinterpret_cast<Sum *>(job); }

    static tt_outcome run(tt_job *job, void *) {
        Sum &sum = of(job);
        for (std::uint64_t i = 1; i <= sum.up_to; i++)
            sum.result += i * i;
        return TT_DONE;
    }

    static void done(tt_job *job) {
        std::printf("C++: %s, %" PRIu64 "\n", tt_outcome_name(job->outcome), of(job).result);
    }
};

} // namespace

int main() {
    tt_error error{};
    tt_pool_options options{};
    options.name = "sums";
    options.worker_count = 2;
    options.queue_limit = 10;
    tt_wake *wake = tt_wake_create(&error);
    tt_pool *pool = wake != nullptr ? tt_pool_create(wake, &options, &error) : nullptr;
    Sum sum;
    sum.job.run = Sum::run;
    sum.job.done = Sum::done;
    sum.up_to = 100;
    if (pool == nullptr || tt_pool_submit(pool, &sum.job) != TT_OK)
        return 1;
    while (!tt_pool_is_idle(pool))
        (void)tt_bind_poll_turn(wake, nullptr, 0, -1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    return 0;
}
