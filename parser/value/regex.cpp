// SPDX-License-Identifier: Apache-2.0
// Regular expressions are compiled here only to report what is wrong with them; the plan compiles
// them again to run them.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include "parser/value/value.hpp"

namespace weir::value {

Parsed<std::uint32_t> parse_regex(std::string_view text, bool ignore_case) {
    int code = 0;
    PCRE2_SIZE where = 0;
    auto* compiled =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                      ignore_case ? PCRE2_CASELESS : 0, &code, &where, nullptr);
    if (compiled) {
        std::uint32_t groups = 0;
        pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &groups);
        pcre2_code_free(compiled);
        return groups;
    }
    PCRE2_UCHAR message[160] = {};
    pcre2_get_error_message(code, message, sizeof message);
    return Unexpected{fmt::format("a regular expression ({} at character {})",
                                  reinterpret_cast<const char*>(message), where + 1)};
}

}  // namespace weir::value
