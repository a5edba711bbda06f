#include "tenon/chain/run.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

namespace tenon::chain {

void run_to_end(task<void> work) {
    boost::asio::io_context here(1);
    std::exception_ptr bug;
    boost::asio::co_spawn(here, std::move(work), [&bug](std::exception_ptr error) { bug = std::move(error); });
    here.run();
    if (bug) std::rethrow_exception(bug);
}

}  // namespace tenon::chain
