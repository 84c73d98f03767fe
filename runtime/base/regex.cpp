// SPDX-License-Identifier: Apache-2.0
// Regex over PCRE2. The JIT code runs through pcre2_jit_match, which skips the argument checks;
// match data, the JIT stack and the limits belong to the thread and live until it ends.
#include "runtime/base/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace weir {
namespace {

// Enough for every honest expression; a hostile input ends after some milliseconds.
constexpr std::uint32_t match_limit = 500'000;
constexpr std::uint32_t depth_limit = 5'000;

struct Workspace {
    pcre2_match_data* data = pcre2_match_data_create(Regex::most_groups, nullptr);
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* stack = pcre2_jit_stack_create(32 * 1024, 1024 * 1024, nullptr);
    Workspace() {
        pcre2_set_match_limit(context, match_limit);
        pcre2_set_depth_limit(context, depth_limit);
        pcre2_jit_stack_assign(context, nullptr, stack);
    }
    ~Workspace() {
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
        pcre2_jit_stack_free(stack);
    }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
};

Workspace& workspace() {
    static thread_local Workspace one;
    return one;
}

std::vector<Regex::Name> names_of(const pcre2_code* code) {
    std::uint32_t count = 0, size = 0;
    PCRE2_SPTR table = nullptr;
    pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
    std::vector<Regex::Name> names;
    for (std::uint32_t i = 0; i < count; ++i, table += size) {
        names.push_back({reinterpret_cast<const char*>(table + 2),
                         static_cast<std::uint32_t>(table[0]) << 8 | table[1]});
    }
    return names;
}

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Expected<Regex, std::string> Regex::compile(std::string_view pattern, bool ignore_case) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    Regex regex;
    regex.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                    ignore_case ? PCRE2_CASELESS : 0, &error, &offset, nullptr));
    if (!regex.code_) {
        PCRE2_UCHAR text[256];
        pcre2_get_error_message(error, text, sizeof text);
        return Unexpected{std::string(reinterpret_cast<const char*>(text)) + " at offset " +
                          std::to_string(offset)};
    }
    regex.jit_ = pcre2_jit_compile(regex.code_.get(), PCRE2_JIT_COMPLETE) == 0;
    pcre2_pattern_info(regex.code_.get(), PCRE2_INFO_CAPTURECOUNT, &regex.groups_);
    regex.names_ = names_of(regex.code_.get());
    return regex;
}

int Regex::run(std::string_view subject, std::size_t from, std::uint32_t options) const {
    auto& space = workspace();
    // An empty view may hold a null pointer, which PCRE2 does not take.
    auto text = reinterpret_cast<PCRE2_SPTR>(subject.data() ? subject.data() : "");
    if (jit_) {
        return pcre2_jit_match(code_.get(), text, subject.size(), from, options, space.data,
                               space.context);
    }
    return pcre2_match(code_.get(), text, subject.size(), from, options, space.data, space.context);
}

bool Regex::matches(std::string_view subject) const { return run(subject, 0, 0) >= 0; }

bool Regex::match(std::string_view subject, Match& match, std::size_t from, bool not_empty) const {
    match.count = 0;
    const int found = run(subject, from, not_empty ? PCRE2_NOTEMPTY : 0);
    if (found < 0) return false;
    // 0: more groups than the match data holds, all of its own are set.
    match.count = found == 0 ? most_groups : static_cast<std::uint32_t>(found);
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(workspace().data);
    for (std::uint32_t i = 0; i < match.count; ++i, ends += 2) {
        // \K in a lookahead can set the start behind the end.
        if (ends[0] == PCRE2_UNSET || ends[0] > ends[1])
            match.group[i] = {};
        else
            match.group[i] = subject.substr(ends[0], ends[1] - ends[0]);
    }
    return true;
}

}  // namespace weir
