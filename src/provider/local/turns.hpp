// Jobs that share one worker, batch by batch.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tenon/async/task.hpp"
#include "tenon/async/worker.hpp"

namespace tenon::provider {

/// One batch of a job; then it queues again behind the others. The caller's coroutine owns the job: when that is gone,
/// so is the work. `step(job)` computes a batch and gives whether more is to come; when not, `job.result` goes to
/// `job.done`. `what`: "embedding", for the message of a deadline.
template <class Job, class Step>
void take_turns(Worker& worker, const std::weak_ptr<Job>& waiting, std::string_view what, Step step) {
    const auto job = waiting.lock();
    if (!job) return;
    if (job->options.stop.stop_requested())
        return job->done.close(Error(ErrorCode::cancelled, "cancelled by the caller"));
    if (job->options.deadline && Clock::now() >= *job->options.deadline)
        return job->done.close(Error(ErrorCode::deadline_exceeded, "the deadline passed while " + std::string(what)));
    Result<bool> more = step(*job);
    if (!more) return job->done.close(std::move(more).error());
    if (*more)
        worker.run([&worker, waiting, what, step] { take_turns(worker, waiting, what, step); });
    else
        job->done.push(std::move(job->result));
}

}  // namespace tenon::provider
