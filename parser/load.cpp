// SPDX-License-Identifier: Apache-2.0
// Tells the language of each input, hands it to its front-end and checks what came out. Both
// languages may be loaded at once; they fill one Config.
#include "parser/load.hpp"

#include <algorithm>
#include <array>

#include "parser/haproxy/load.hpp"
#include "parser/nginx/load.hpp"

namespace weir {

namespace {

constexpr std::array sections{
    std::string_view("global"),      std::string_view("defaults"),  std::string_view("frontend"),
    std::string_view("backend"),     std::string_view("listen"),    std::string_view("peers"),
    std::string_view("resolvers"),   std::string_view("mailers"),   std::string_view("userlist"),
    std::string_view("cache"),       std::string_view("program"),   std::string_view("ring"),
    std::string_view("http-errors"), std::string_view("fcgi-app"),  std::string_view("log-forward"),
    std::string_view("crt-store"),   std::string_view("traces"),    std::string_view("acme"),
    std::string_view("log-profile"), std::string_view("ruleset"),   std::string_view(".if"),
    std::string_view(".diag"),       std::string_view(".notice"),   std::string_view(".warning"),
    std::string_view(".alert"),      std::string_view("healthcheck")};

constexpr std::string_view blanks = " \t\r\f\v";

std::string_view trimmed(std::string_view line) {
    auto first = line.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

// Without a trailing comment. A '#' inside a word or quotes may be cut off too: the line then
// decides nothing, and the next one does.
std::string_view without_comment(std::string_view line) {
    for (std::size_t at = 0; at < line.size(); ++at)
        if (line[at] == '#' && (at == 0 || blanks.find(line[at - 1]) != std::string_view::npos ||
                                line[at - 1] == ';' || line[at - 1] == '{'))
            return line.substr(0, at);
    return line;
}

Dialect dialect_of_line(std::string_view line) {
    line = trimmed(without_comment(line));
    if (line.empty()) return Dialect::detect;
    if (line.ends_with(';') || line.ends_with('{')) return Dialect::nginx;
    auto word = line.substr(0, line.find_first_of(blanks));
    if (std::find(sections.begin(), sections.end(), word) != sections.end())
        return Dialect::haproxy;
    // "http { server { listen 80; } }" on one line.
    if (line.ends_with('}') && line.find(';') != std::string_view::npos) return Dialect::nginx;
    return Dialect::detect;
}

Dialect dialect_of(const Input& input, SourceSet& set) {
    if (input.dialect != Dialect::detect) return input.dialect;
    if (auto text = set.read(input.path, Purpose::configuration)) return detect_dialect(*text);
    // A folder is HAProxy's; what cannot be read at all is reported by the front-end.
    if (set.list(input.path)) return Dialect::haproxy;
    return input.path.ends_with(".cfg") ? Dialect::haproxy : Dialect::nginx;
}

// A front-end that has reported an error may have left things half done: what the checks say about
// missing pieces would then only repeat it.
void validate_into(const ir::Config& config, diag::Sink& sink) {
    bool half_done = sink.failed();
    auto before = sink.all().size();
    ir::validate(config, sink);
    if (!half_done || sink.all().size() == before) return;
    diag::Sink kept;
    for (std::size_t i = 0; i < sink.all().size(); ++i) {
        const auto& entry = sink.all()[i];
        bool repeats = entry.id == "broken-reference" || entry.id == "nobody-listens";
        if (i < before || !repeats) kept.add(entry);
    }
    sink = std::move(kept);
}

}  // namespace

Dialect detect_dialect(std::string_view text) {
    while (!text.empty()) {
        auto end = text.find('\n');
        auto found = dialect_of_line(text.substr(0, end));
        if (found != Dialect::detect) return found;
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return Dialect::nginx;   // an empty file is a whole nginx configuration, not a HAProxy one
}

std::optional<ir::Config> load_config(const std::vector<Input>& inputs, const LoadOptions& options,
                                      SourceSet& set, SourceMap& sources, const ModuleRows& modules,
                                      diag::Sink& sink) {
    ir::Config config;
    std::vector<std::string> haproxy_paths;   // several files are one HAProxy configuration
    for (const auto& input : inputs) {
        if (dialect_of(input, set) == Dialect::haproxy) {
            haproxy_paths.push_back(input.path);
        } else {
            nginx::Options nginx_options{options.prefix, options.global_directives,
                                         options.error_log, options.offline};
            nginx::load(input.path, nginx_options, set, sources, modules.nginx, config, sink);
        }
    }
    if (!haproxy_paths.empty())
        haproxy::load(haproxy_paths, set, sources, modules.haproxy, config, sink);
    validate_into(config, sink);
    sink.sort(sources);
    if (sink.failed()) return std::nullopt;
    return config;
}

}  // namespace weir
