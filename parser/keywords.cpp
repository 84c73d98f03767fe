// SPDX-License-Identifier: Apache-2.0
// Joins the tables of both languages for `weir keywords`. HAProxy's sub-languages (options of bind
// and server, actions, fetches, ...) are parts of their own, as its manual has them.
#include <deque>

#include "parser/haproxy/contexts.hpp"
#include "parser/haproxy/scope.hpp"
#include "parser/haproxy/tables.hpp"
#include "parser/load.hpp"
#include "parser/nginx/contexts.hpp"
#include "parser/nginx/tables.hpp"

namespace weir {

namespace {

using keyword::Contexts;
using keyword::Keyword;

// The rows that stand in one of `places` when there are any places given.
class Part {
public:
    Part(std::string_view noun, const keyword::Language& language) : language_(language) {
        language_.noun = noun;
    }
    void add(const std::vector<keyword::Table>& tables, Contexts places = ~Contexts{0}) {
        for (auto table : tables)
            for (const auto& row : table)
                if (belongs(row.where, places)) rows_.add(keyword::Table(&row, 1));
    }
    [[nodiscard]] keyword::DumpPart part() const { return {&rows_, &language_}; }

private:
    // A fetch names the rules in which its value exists; that makes it no action of theirs.
    static bool belongs(Contexts where, Contexts places) {
        if (places != ~Contexts{0} && (where & haproxy::in::sample) != 0)
            return (places & haproxy::in::sample) != 0;
        return (where & places) != 0;
    }

    keyword::Language language_;
    keyword::Registry rows_;
};

struct Chapter {
    std::string_view noun;
    Contexts places;
};

namespace in = haproxy::in;
constexpr Contexts actions = in::http_request | in::http_response | in::http_after_response |
                             in::tcp_request_connection | in::tcp_request_session |
                             in::tcp_request_content | in::tcp_response_content |
                             in::quic_initial | in::service;
constexpr Contexts acls = in::acl | in::acl_predefined | in::acl_method | in::acl_flag |
                          in::acl_operator;
constexpr Contexts sections = in::bit(22) - 1;   // global ... top
constexpr Contexts options = ~(sections | actions | acls | in::bind | in::server | in::sample |
                               in::converter | in::log_format);
constexpr Chapter chapters[] = {
    {"keyword", sections},         {"bind option", in::bind},   {"server option", in::server},
    {"line word", options},   {"action", actions},         {"sample fetch", in::sample},
    {"converter", in::converter},  {"ACL word", acls},          {"log variable", in::log_format},
};

}  // namespace

std::string dump_keywords(keyword::DumpFormat format, const ModuleRows& modules,
                          std::string_view program) {
    std::deque<Part> parts;
    auto& directives = parts.emplace_back("directive", nginx::directive_language);
    directives.add(nginx::directive_tables());
    directives.add(modules.nginx);
    parts.emplace_back("variable", nginx::variable_language).add(nginx::variable_tables());
    for (const auto& chapter : chapters) {
        auto& part = parts.emplace_back(chapter.noun, haproxy::keyword_language);
        part.add(haproxy::all_tables(), chapter.places);
        part.add(modules.haproxy, chapter.places);
    }
    std::vector<keyword::DumpPart> dumped;
    for (const auto& part : parts) {
        auto one = part.part();
        if (program.empty() || one.language->program == program) dumped.push_back(one);
    }
    return keyword::dump(format, dumped);
}

}  // namespace weir
