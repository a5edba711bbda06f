// The plain one, and the part of Asio that coroutines need: for the rooms that reach async.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "precompiled_plain.hpp"
