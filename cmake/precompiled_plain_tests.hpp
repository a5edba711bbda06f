// The plain one, and GoogleTest.
#pragma once
#include <gtest/gtest.h>

#include "precompiled_plain.hpp"
