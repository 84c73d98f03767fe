// SPDX-License-Identifier: Apache-2.0
// Fusion adaptation of the AST, for syntax.cpp only.
#pragma once

#include <boost/fusion/include/adapt_struct.hpp>

#include "parser/haproxy/ast.hpp"

BOOST_FUSION_ADAPT_STRUCT(weir::haproxy::ast::Chain, calls)
