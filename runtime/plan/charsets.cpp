// SPDX-License-Identifier: Apache-2.0
// The conversions between charsets that a plan knows.
#include "runtime/plan/plan.hpp"

namespace weir::plan {

void Plan::compile_charsets() {
    for (const auto& map : config_->charset_maps)
        for (bool backwards : {false, true})
            recodings_.push_back(std::make_unique<http::Recoding>(map, backwards));
}

const http::Recoding* Plan::find_recoding(std::string_view from, std::string_view to) const {
    for (const auto& one : recodings_)
        if (http::equal_ignoring_case(one->from(), from) && http::equal_ignoring_case(one->to(), to)) return one.get();
    return nullptr;
}

}  // namespace weir::plan
