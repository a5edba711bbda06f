// The asynchronous one, and GoogleTest.
#pragma once
#include <gtest/gtest.h>

#include "precompiled_async.hpp"
