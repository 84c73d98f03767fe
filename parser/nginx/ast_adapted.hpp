// SPDX-License-Identifier: Apache-2.0
// Fusion adaptation of the tree; for the grammar only.
#pragma once

#include <boost/fusion/include/adapt_struct.hpp>

#include "parser/nginx/ast.hpp"

BOOST_FUSION_ADAPT_STRUCT(weir::nginx::ast::Body, present, directives)
BOOST_FUSION_ADAPT_STRUCT(weir::nginx::ast::Directive, words, body)
